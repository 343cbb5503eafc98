package p2p

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-kit/log/level"
	"github.com/libp2p/go-libp2p/core/peer"
)

// author is one who is believed, and what was heard of it.
type author struct {
	id   string // the peer id as text
	name string

	heard  bool
	term   uint64    // newest
	sent   time.Time // of the newest heartbeat of that term
	latest time.Time // of any

	logged time.Time // when a refusal was last logged
}

// refusalLogInterval bounds the log lines about one author.
const refusalLogInterval = time.Minute

func checkAuthors(authors map[peer.ID]string) error {
	if len(authors) == 0 {
		return errors.New("no authors: name those that are believed")
	}
	var errs []error
	taken := make(map[string]peer.ID, len(authors))
	for id, name := range authors {
		switch other, ok := taken[name]; {
		case id.Validate() != nil:
			errs = append(errs, fmt.Errorf("author %q has no peer id: give it one or drop it", name))
		case name == "":
			errs = append(errs, fmt.Errorf("author %s has no name: give it one or drop it", id))
		case ok:
			errs = append(errs, fmt.Errorf("authors %s and %s have both the name %q: give each its own", min(id, other),
				max(id, other), name))
		}
		taken[name] = id
	}
	return errors.Join(errs...)
}

// remember makes the authors, with what was heard of those that were there before.
func remember(old map[peer.ID]*author, names map[peer.ID]string) map[peer.ID]*author {
	authors := make(map[peer.ID]*author, len(names))
	for id, name := range names {
		a := &author{id: id.String()}
		if before := old[id]; before != nil {
			*a = *before
		}
		a.name = name
		authors[id] = a
	}
	return authors
}

// judge reads what an author signed. It says why it is refused; empty if it is not.
func (h *Heartbeats) judge(id peer.ID, data []byte, received time.Time) (Heartbeat, string) {
	h.mu.Lock()
	a := h.authors[id]
	if a == nil {
		h.mu.Unlock()
		return Heartbeat{}, RefusedAuthor
	}
	s, reason, err := h.read(a, data, received)
	name, loud := a.name, err != nil && a.loud(received)
	h.mu.Unlock()
	if loud {
		level.Warn(h.logger).Log("msg", "Heartbeat refused", "peer", name, "err", err)
	}
	if reason != "" {
		return Heartbeat{}, reason
	}
	return Heartbeat{Author: id, Node: name, Term: s.term, Uptime: s.uptime, Sent: s.sent, Received: received}, ""
}

// read says what a says, or why it may not, and remembers it. With a reason for which an operator can do something comes
// an error for the log. h.mu is held.
func (h *Heartbeats) read(a *author, data []byte, now time.Time) (s statement, reason string, err error) {
	if len(data) > MaxHeartbeatBytes {
		return s, RefusedOversize, fmt.Errorf("%d bytes, more than %d", len(data), MaxHeartbeatBytes)
	}
	if s, err = h.fields.parse(data); err != nil {
		return s, RefusedMalformed, err
	}
	if h.fields.NodeID != NotSent && s.node != a.id && s.node != a.name {
		return s, RefusedMismatch, errors.New("signed in the name of another node, or of this one by a name not configured")
	}
	if skew := s.sent.Sub(now); skew.Abs() > h.maxSkew {
		return s, RefusedClock, fmt.Errorf("sent %s from our time, more than %s", skew.Round(time.Second), h.maxSkew)
	}
	if !a.newer(s) {
		return s, RefusedReplay, nil
	}
	return s, "", nil
}

// loud says whether a refusal may be logged now.
func (a *author) loud(now time.Time) bool {
	if !a.logged.IsZero() && now.Sub(a.logged) < refusalLogInterval {
		return false
	}
	a.logged = now
	return true
}

// newer says whether s can't be a repetition of what was heard, and remembers it. Time orders what is of one term. A
// higher term is new whatever its time: a clock may have been set back. A lower one must be later than all else, and is
// passed on for the election to see that terms run backwards.
func (a *author) newer(s statement) bool {
	switch {
	case !a.heard || s.term > a.term:
		a.heard, a.term, a.sent = true, s.term, s.sent
	case s.term == a.term && s.sent.After(a.sent):
		a.sent = s.sent
	case s.term < a.term && s.sent.After(a.latest):
	default:
		return false
	}
	if s.sent.After(a.latest) {
		a.latest = s.sent
	}
	return true
}
