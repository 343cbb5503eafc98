package p2p

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-kit/log/level"
	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	// maxFleetMembers bounds the other members, and with them what is remembered.
	maxFleetMembers = 1000
	// maxFleetSkew is how far a member's clock may be from ours. It also bounds how old the announcement of a member may
	// be that is taken for new by us who have heard no newer one, as after a start.
	maxFleetSkew = DefaultHeartbeatMaxSkew
	// fleetUnseenAfter is after how many intervals without an announcement a member is unseen.
	fleetUnseenAfter = 3
)

// fleetMember is another exporter, and what was heard of it last.
type fleetMember struct {
	first  bool      // by the text of its peer id it comes before us
	heard  time.Time // by our clock, with monotonic reading; zero before the first announcement
	last   fleetMessage
	logged time.Time // when something of it was last logged
}

// checkFleet says what is wrong with members.
func checkFleet(self peer.ID, members []peer.ID, interval time.Duration) error {
	var errs []error
	others := 0
	for i, id := range members {
		if id.Validate() != nil {
			errs = append(errs, fmt.Errorf("member %d has no peer id: give it one or drop it", i+1))
		}
		if id != self {
			others++
		}
	}
	if others == 0 {
		errs = append(errs, errors.New("no members beside this one: name the other exporters by their peer ids"))
	}
	if others > maxFleetMembers {
		errs = append(errs, fmt.Errorf("%d members: name at most %d", others, maxFleetMembers))
	}
	if interval < minFleetInterval || interval > maxFleetInterval {
		errs = append(errs, fmt.Errorf("interval %s: give a duration from %s to %s", interval, minFleetInterval, maxFleetInterval))
	}
	return errors.Join(errs...)
}

// rememberMembers makes the members, with what was heard of those that were there before.
func rememberMembers(old map[peer.ID]*fleetMember, self peer.ID, ids []peer.ID) map[peer.ID]*fleetMember {
	members := make(map[peer.ID]*fleetMember, len(ids))
	for _, id := range ids {
		if id == self {
			continue
		}
		m := old[id]
		if m == nil {
			m = &fleetMember{first: id.String() < self.String()}
		}
		members[id] = m
	}
	return members
}

// judge reads what an author signed, and says what became of it: a word of fleetResults.
func (f *Fleet) judge(id peer.ID, data []byte, now time.Time) string {
	f.mu.Lock()
	m := f.members[id]
	if m == nil {
		f.mu.Unlock()
		return RefusedAuthor
	}
	said, result, err := m.read(data, now)
	changed := false
	if result == fleetAccepted {
		changed = m.heard.IsZero() || m.last.Status != said.Status
		m.heard, m.last = now, said
	}
	loud := (err != nil || changed) && m.loud(now)
	f.mu.Unlock()

	switch {
	case !loud:
	case err != nil:
		level.Warn(f.logger).Log("msg", "Announcement of a fleet member refused", "peer", id, "err", err)
	default:
		level.Info(f.logger).Log("msg", "Fleet member is "+said.Status, "peer", fmt.Sprintf("%s (%s)", id, said.Node))
	}
	return result
}

// read says what the member says, or why it may not. With a reason for which an operator can do something comes an error
// for the log.
func (m *fleetMember) read(data []byte, now time.Time) (said fleetMessage, result string, err error) {
	if len(data) > MaxFleetBytes {
		return said, RefusedOversize, fmt.Errorf("%d bytes, more than %d", len(data), MaxFleetBytes)
	}
	if said, err = parseFleet(data); err != nil {
		return said, RefusedMalformed, err
	}
	// In milliseconds, which can't overflow as a time.Duration would.
	if skew := said.Sent - now.UnixMilli(); skew > maxFleetSkew.Milliseconds() || skew < -maxFleetSkew.Milliseconds() {
		return said, RefusedClock, fmt.Errorf("sent %d ms from our time, more than %s", skew, maxFleetSkew)
	}
	if said.Sent <= m.last.Sent {
		return said, RefusedReplay, nil
	}
	return said, fleetAccepted, nil
}

// loud says whether something of the member may be logged now.
func (m *fleetMember) loud(now time.Time) bool {
	if !m.logged.IsZero() && now.Sub(m.logged) < refusalLogInterval {
		return false
	}
	m.logged = now
	return true
}

// fleetView is what is known of the others at one moment.
type fleetView struct {
	statuses map[string]int
	unseen   int
	ahead    int // that stop before us
}

// view counts the members. One that was not heard for three intervals is unseen, whatever it said last. Those that are
// stopping go before us, and of those that want to, the ones whose peer id, as text, is smaller byte by byte: so of
// several that want to stop at a time all agree on who is first.
func (f *Fleet) view(now time.Time) fleetView {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := fleetView{statuses: make(map[string]int, len(fleetStatuses))}
	for _, m := range f.members {
		if m.heard.IsZero() || now.Sub(m.heard) >= fleetUnseenAfter*f.interval {
			v.unseen++
			continue
		}
		v.statuses[m.last.Status]++
		if m.last.Status == fleetStopping || m.last.WantsStop && m.first {
			v.ahead++
		}
	}
	return v
}
