package serve

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Seldom is a handler of log records that strangers can cause as often as they like, such as a TLS handshake that fails.
// Of each kind of warning or error it passes on the first, and then once in an interval how many more there were.
type Seldom struct {
	slog.Handler
	kinds *kinds
}

// maxKinds bounds what is told apart.
const maxKinds = 32

// kinds are the kinds of records that were passed on in the last interval.
type kinds struct {
	next     slog.Handler
	interval time.Duration

	mu    sync.Mutex
	known map[string]*kind
}

// kind is one kind of records.
type kind struct {
	more  int // not passed on
	level slog.Level
	timer *time.Timer // ends the interval
}

// NewSeldom returns a Seldom that passes records on to next, and after the first of a kind only a count in each interval.
func NewSeldom(next slog.Handler, interval time.Duration) Seldom {
	return Seldom{Handler: next, kinds: &kinds{next: next, interval: interval, known: map[string]*kind{}}}
}

// Handle passes a record on unless there was one of its kind in the last interval.
func (s Seldom) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn && !s.kinds.first(recordKind(r.Message), r.Level) {
		return nil
	}
	return s.Handler.Handle(ctx, r)
}

// WithAttrs and WithGroup keep what is common.
func (s Seldom) WithAttrs(attrs []slog.Attr) slog.Handler {
	return Seldom{s.Handler.WithAttrs(attrs), s.kinds}
}

// WithGroup is like WithAttrs.
func (s Seldom) WithGroup(name string) slog.Handler {
	return Seldom{s.Handler.WithGroup(name), s.kinds}
}

// Flush ends all intervals at once.
func (s Seldom) Flush() {
	s.kinds.mu.Lock()
	defer s.kinds.mu.Unlock()
	for name, k := range s.kinds.known {
		k.timer.Stop()
		s.kinds.told(name, k)
		delete(s.kinds.known, name)
	}
}

// recordKind is how a message begins: its first words, before addresses and errors come.
func recordKind(message string) string {
	words := strings.Fields(message)
	return strings.Join(words[:min(len(words), 3)], " ")
}

// first says whether a record is the first of its kind, and counts it if not.
func (k *kinds) first(name string, level slog.Level) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.known[name]; !ok && len(k.known) >= maxKinds {
		name = "of other kinds"
	}
	if of, ok := k.known[name]; ok {
		of.more++
		of.level = max(of.level, level)
		return false
	}
	of := &kind{level: level}
	of.timer = time.AfterFunc(k.interval, func() { k.over(name, of) })
	k.known[name] = of
	return true
}

// over ends an interval. Another follows if there was more.
func (k *kinds) over(name string, of *kind) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.known[name] != of: // flushed
	case of.more == 0:
		delete(k.known, name)
	default:
		k.told(name, of)
		of.timer.Reset(k.interval)
	}
}

// told says how many there were more. The caller holds k.mu.
func (k *kinds) told(name string, of *kind) {
	if of.more == 0 {
		return
	}
	text := fmt.Sprintf("%d more like it in at most %v: %s", of.more, k.interval, name)
	of.more = 0
	// An error of the log could only be logged.
	_ = k.next.Handle(context.Background(), slog.NewRecord(time.Now(), of.level, text, 0))
}
