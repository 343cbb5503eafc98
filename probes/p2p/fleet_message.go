package p2p

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxFleetBytes bounds an announcement; a longer one is refused unread.
const MaxFleetBytes = 512

const (
	fleetVersion = 1
	// maxFleetNode bounds the node id in an announcement, in bytes: what is escaped in it takes twice as many, and fits.
	maxFleetNode = 128
	// maxFleetSent is the highest time that JSON holds exactly, in milliseconds since 1970: some 285 000 years.
	maxFleetSent = 1 << 53
)

// fleetStatuses are the words a status may be, in the order in which the first that applies holds. It is never written.
var fleetStatuses = [...]string{"stopping", "starting", "unhealthy", "degraded", "healthy"}

const (
	fleetStopping  = "stopping"
	fleetUnhealthy = "unhealthy"
)

// FleetStatus is what a member says of itself.
type FleetStatus struct {
	Status    string // healthy, degraded, unhealthy, starting or stopping; any other word is announced as unhealthy
	WantsStop bool   // it would stop by itself if the fleet permitted it
}

// known makes an unknown word unhealthy: an error is not health.
func (s FleetStatus) known() FleetStatus {
	if !slices.Contains(fleetStatuses[:], s.Status) {
		s.Status = fleetUnhealthy
	}
	return s
}

// fleetMessage is an announcement as it is sent: JSON with exactly these fields, in this order, without white space. Who
// says it is told by GossipSub's signature alone.
type fleetMessage struct {
	Version   int    `json:"v"`
	Status    string `json:"status"`
	WantsStop bool   `json:"wants_stop"`
	Node      string `json:"node"`
	Sent      int64  `json:"sent"` // milliseconds since 1970 by the author's clock, and greater than in its last one
}

// encode writes an announcement. There is one way to write each.
func (m fleetMessage) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("encode announcement: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// parseFleet reads an announcement. It accepts what encode writes and nothing else, so no field is there twice, under
// another name or unread.
func parseFleet(data []byte) (fleetMessage, error) {
	if len(data) > MaxFleetBytes {
		return fleetMessage{}, fmt.Errorf("longer than %d bytes", MaxFleetBytes)
	}
	var m fleetMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return fleetMessage{}, fmt.Errorf("parse: %w", err)
	}
	if err := m.check(); err != nil {
		return fleetMessage{}, err
	}
	again, err := m.encode()
	if err != nil {
		return fleetMessage{}, err
	}
	if !bytes.Equal(data, again) {
		return fleetMessage{}, errors.New("not written as announcements are: a field is missing, unknown or there twice")
	}
	return m, nil
}

func (m fleetMessage) check() error {
	switch {
	case m.Version != fleetVersion:
		return fmt.Errorf("version %d: this exporter knows version %d", m.Version, fleetVersion)
	case !slices.Contains(fleetStatuses[:], m.Status):
		return errors.New("its status is none of the five")
	case m.Sent <= 0 || m.Sent > maxFleetSent:
		return errors.New("its time is not a number from 1 to 2^53")
	case m.Node != printableNode(m.Node):
		return fmt.Errorf("its node id is longer than %d bytes or can't be printed", maxFleetNode)
	}
	return nil
}

// printableNode is a node id as it may be sent: printable, and cut to maxFleetNode bytes between characters.
func printableNode(id string) string {
	id = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, id)
	for len(id) > maxFleetNode {
		_, size := utf8.DecodeLastRuneInString(id)
		id = id[:len(id)-size]
	}
	return id
}
