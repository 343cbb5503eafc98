package shutdown

import (
	"strings"
	"sync"
)

// tail keeps the last bytes that are written to it.
type tail struct {
	max int

	mu   sync.Mutex
	kept []byte
	cut  bool
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	if n > t.max {
		p, t.cut = p[n-t.max:], true
	}
	if over := len(t.kept) + len(p) - t.max; over > 0 {
		t.kept, t.cut = append(t.kept[:0], t.kept[over:]...), true
	}
	t.kept = append(t.kept, p...)
	return n, nil
}

// String is what is kept, as UTF-8 without space around it.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(strings.ToValidUTF8(string(t.kept), "?"))
	if t.cut {
		text = "…" + text
	}
	return text
}
