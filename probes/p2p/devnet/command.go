package devnet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// command is what a swarm tells a node: by a call in one process, as a line of JSON to another.
type command struct {
	ID    uint64          `json:"id,omitempty"` // of the call, in the form with processes
	Op    string          `json:"op"`           // one of the operations below
	Start *nodeConfig     `json:"start,omitempty"`
	Peers []peer.AddrInfo `json:"peers,omitempty"` // dial, block
	Delay time.Duration   `json:"delay,omitempty"` // slow
	Rate  int             `json:"rate,omitempty"`  // flood
	On    bool            `json:"on,omitempty"`    // corrupt
	Load  TaskLoad        `json:"load,omitzero"`   // load
}

// The operations. The first that a process gets is opStart.
const (
	opStart   = "start"
	opDial    = "dial"
	opBlock   = "block"
	opSlow    = "slow"
	opCorrupt = "corrupt"
	opFlood   = "flood"
	opLoad    = "load"
	opReport  = "report"
)

// reply answers the command with the same ID.
type reply struct {
	ID     uint64         `json:"id,omitempty"`
	Error  string         `json:"error,omitempty"`
	Info   *peer.AddrInfo `json:"info,omitempty"`   // to start
	Report *Report        `json:"report,omitempty"` // to report
}

// member is a running node as the swarm sees it, here or in another process.
type member interface {
	// call does one command.
	call(ctx context.Context, c command) (reply, error)
	// gone is closed when the node runs no more, for whatever reason.
	gone() <-chan struct{}
	// kill ends it at once and returns when it is gone.
	kill() error
	// pid is that of its process.
	pid() int
}

// do does one command, all but start.
func (n *node) do(c command) (reply, error) {
	switch c.Op {
	case opDial:
		n.dial(c.Peers)
	case opBlock:
		ids := make([]peer.ID, len(c.Peers))
		for i, p := range c.Peers {
			ids[i] = p.ID
		}
		n.block(ids)
	case opSlow:
		n.link.delay.Store(int64(c.Delay))
	case opCorrupt:
		n.records.corrupt.Store(c.On)
	case opFlood:
		n.flood.set(c.Rate)
	case opLoad:
		return reply{}, n.load(c.Load)
	case opReport:
		r := n.report()
		return reply{Report: &r}, nil
	default:
		return reply{}, fmt.Errorf("operation %q: unknown", c.Op)
	}
	return reply{}, nil
}

// load submits the tasks, all that find room, and says how many did not.
func (n *node) load(l TaskLoad) error {
	refused := 0
	for _, t := range l.tasks() {
		if err := n.queue.submit(t); errors.Is(err, ErrQueueFull) {
			refused++
		}
	}
	if refused > 0 {
		return fmt.Errorf("submit %d tasks: %d of them refused: %w", l.Count, refused, ErrQueueFull)
	}
	return nil
}
