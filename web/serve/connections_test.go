package serve

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
)

// The connection on which nothing has changed for longest leaves for a new one; the others stay.
func TestConnections(t *testing.T) {
	var text bytes.Buffer
	c := newConnections(2, slog.NewTextHandler(&text, nil))
	var ours, theirs [4]net.Conn
	for i := range ours {
		ours[i], theirs[i] = net.Pipe()
		defer ours[i].Close()
		defer theirs[i].Close()
	}
	c.changed(ours[0], http.StateNew)
	c.changed(ours[0], http.StateActive)
	c.changed(ours[1], http.StateNew)
	c.changed(ours[0], http.StateIdle) // now 1 is the longest unchanged
	c.changed(ours[2], http.StateNew)
	if _, err := theirs[1].Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the longest unchanged reads %v, want its end", err)
	}
	c.changed(ours[1], http.StateClosed) // its server notices
	c.changed(ours[2], http.StateClosed)
	c.changed(ours[3], http.StateNew)
	for _, i := range []int{0, 3} {
		go func() { _, _ = ours[i].Write([]byte("x")) }() // fails if it was closed, and then the read does
		if _, err := theirs[i].Read(make([]byte, 1)); err != nil {
			t.Errorf("connection %d reads %v, want that it stays", i, err)
		}
	}
	c.changed(ours[0], http.StateHijacked)
	if n := len(c.crowd.Members()); n != 1 {
		t.Errorf("%d connections are known, want 1", n)
	}
	if got := strings.Count(text.String(), "Connection limit"); got != 1 {
		t.Errorf("logged %d times, want once: %s", got, text.String())
	}
}
