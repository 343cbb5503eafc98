package devnet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// State says how a node is.
type State string

// The states of a node.
const (
	StateUp     State = "up"
	StateFrozen State = "frozen" // its process is stopped
	StateDead   State = "dead"   // killed, or ended by itself
	StateSilent State = "silent" // it runs and does not answer its swarm
)

// Report is what a node says of itself.
type Report struct {
	Peers      int           `json:"peers"`       // connected, nodes and others
	TopicPeers int           `json:"topic_peers"` // peers on the first health topic, nodes and others
	Alive      int           `json:"alive"`       // other nodes it hears
	Leads      bool          `json:"leads"`       // whether it leads
	Leader     string        `json:"leader"`      // peer id in the newest heartbeat it saw
	Term       uint64        `json:"term"`        // newest it knows of, or its own
	Uptime     time.Duration `json:"uptime"`      // in nanoseconds
	Received   uint64        `json:"received"`    // messages on the health topics, its own included
	Tasks      TaskCounts    `json:"tasks"`
	Delay      time.Duration `json:"delay"`   // lever slow, in nanoseconds
	Corrupt    bool          `json:"corrupt"` // lever corrupt
	Flood      int           `json:"flood"`   // lever flood, in messages a second
}

// NodeStatus is how one node is. Report is nil unless the node is up.
type NodeStatus struct {
	Index  int     `json:"index"`
	State  State   `json:"state"`
	ID     string  `json:"id"`
	Addr   string  `json:"addr"` // multiaddr with the id
	Group  int     `json:"group"`
	PID    int     `json:"pid"` // of the process it runs, or ran, in
	Report *Report `json:"report,omitempty"`
}

// callTimeout bounds one command to one node.
const callTimeout = 5 * time.Second

// Status asks all nodes how they are; the nodes that do not answer in time are silent. It is in the order of indices.
func (s *Swarm) Status(ctx context.Context) []NodeStatus {
	all := make([]NodeStatus, s.options.Nodes)
	var asked sync.WaitGroup
	for i := range all {
		status, m := s.describe(i)
		all[i] = status
		if status.State == StateUp {
			asked.Go(func() {
				if r, err := call(ctx, m, command{Op: opReport}); err != nil {
					all[i].State = StateSilent
				} else {
					all[i].Report = r.Report
				}
			})
		}
	}
	asked.Wait()
	return all
}

// describe is what the swarm itself knows of node i.
func (s *Swarm) describe(i int) (NodeStatus, member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.slots[i]
	return NodeStatus{
		Index: i, State: n.state(), ID: n.info.ID.String(), Addr: n.addr(), Group: n.group, PID: n.member.pid(),
	}, n.member
}

// call is a command with the time it may take.
func call(ctx context.Context, m member, c command) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return m.call(ctx, c)
}

// Leaders are the indices of the nodes that say they lead: one, unless the swarm is partitioned or is electing.
func (s *Swarm) Leaders(ctx context.Context) []int {
	var leaders []int
	for _, n := range s.Status(ctx) {
		if n.Report != nil && n.Report.Leads {
			leaders = append(leaders, n.Index)
		}
	}
	return leaders
}

// Tasks is what the queue of node i does and has done.
func (s *Swarm) Tasks(ctx context.Context, i int) (TaskCounts, error) {
	m, err := s.running(i)
	if err != nil {
		return TaskCounts{}, err
	}
	r, err := call(ctx, m, command{Op: opReport})
	if err != nil {
		return TaskCounts{}, fmt.Errorf("tasks of node %d: %w", i, err)
	}
	if r.Report == nil {
		return TaskCounts{}, errors.New("tasks of node: its answer lacks the report")
	}
	return r.Report.Tasks, nil
}
