package devnet

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-kit/log/level"
)

// maxDelay is the longest that Slow accepts; a swarm slower than that is a partition.
const maxDelay = time.Minute

// maxLoad is the most tasks of one Load.
const maxLoad = 100_000

// Kill ends node i at once: SIGKILL to its process, or its connections reset.
func (s *Swarm) Kill(i int) error {
	return s.pull("Killed a node", i, func(n *slot) error {
		if n.state() == StateDead {
			return fmt.Errorf("kill node %d: it is dead already", i)
		}
		s.learnTerm()
		if err := n.member.kill(); err != nil {
			return fmt.Errorf("kill node %d: %w", i, err)
		}
		s.mu.Lock()
		n.frozen = false
		s.mu.Unlock()
		return s.rewire()
	})
}

// Revive starts node i again after Kill: the same identity, port and group, a new uptime, empty stores, no lever pulled. As
// if it had written it down, it knows the newest term: terms rise also where all nodes were dead.
func (s *Swarm) Revive(i int) error {
	return s.pull("Revived a node", i, func(n *slot) error {
		if n.state() != StateDead {
			return fmt.Errorf("revive node %d: it runs; kill it first", i)
		}
		config := s.options.node(i)
		port, err := n.listens()
		if err != nil {
			return fmt.Errorf("revive node %d: %w", i, err)
		}
		config.Port, config.Term = port, s.term
		m, info, err := s.launch(s.life, s.options, config)
		if err != nil {
			return fmt.Errorf("revive: %w", err)
		}
		s.mu.Lock()
		n.member, n.info, n.frozen = m, info, false
		s.mu.Unlock()
		return s.rewire()
	})
}

// Freeze stops the process of node i with SIGSTOP: its connections stay open and nothing answers.
func (s *Swarm) Freeze(i int) error {
	return s.pull("Froze a node", i, func(n *slot) error {
		p, ok := n.member.(*process)
		if !ok {
			return errors.New("freeze: nodes that share this process can't hang alone; start with processes")
		}
		if n.state() != StateUp {
			return fmt.Errorf("freeze node %d: it is %s", i, n.state())
		}
		s.learnTerm() // later it can't tell, and it may be killed
		if err := freeze(p.cmd.Process); err != nil {
			return fmt.Errorf("freeze node %d: %w", i, err)
		}
		s.mu.Lock()
		n.frozen = true
		s.mu.Unlock()
		return nil
	})
}

// Thaw lets a frozen node go on.
func (s *Swarm) Thaw(i int) error {
	return s.pull("Thawed a node", i, func(n *slot) error {
		p, ok := n.member.(*process)
		if !ok || n.state() != StateFrozen {
			return fmt.Errorf("thaw node %d: it is %s, not frozen", i, n.state())
		}
		if err := thaw(p.cmd.Process); err != nil {
			return fmt.Errorf("thaw node %d: %w", i, err)
		}
		s.mu.Lock()
		n.frozen = false
		s.mu.Unlock()
		return s.rewire() // what has changed meanwhile
	})
}

// Slow makes all that node i sends leave after delay; 0 makes it quick again.
func (s *Swarm) Slow(i int, delay time.Duration) error {
	if delay < 0 || delay > maxDelay {
		return fmt.Errorf("slow node %d: delay %v: must be 0 to %v", i, delay, maxDelay)
	}
	return s.tell("Slowed a node", i, command{Op: opSlow, Delay: delay})
}

// Corrupt makes node i answer GETs of the DHT with another value than it was given, or with the true one again.
func (s *Swarm) Corrupt(i int, on bool) error {
	return s.tell("Set whether a node is corrupt", i, command{Op: opCorrupt, On: on})
}

// Flood makes node i send that many messages of junk a second on the health and heartbeat topics; 0 ends it. Up to a
// thousand of them are signed and published for the whole swarm. The rest is not, and goes straight to each peer of the node
// that is connected from outside of the swarm.
func (s *Swarm) Flood(i, rate int) error {
	if rate < 0 || rate > maxFlood {
		return fmt.Errorf("flood from node %d: rate %d: must be 0 to %d messages a second", i, rate, maxFlood)
	}
	return s.tell("Set the flood of a node", i, command{Op: opFlood, Rate: rate})
}

// Load submits tasks to node i. Those that find no room are refused, with ErrQueueFull in the form without processes.
func (s *Swarm) Load(i int, l TaskLoad) error {
	if l.Count < 0 || l.Count > maxLoad || l.Work < 0 || l.FailEvery < 0 {
		return fmt.Errorf("load node %d: count must be 0 to %d, work and fail-every not negative", i, maxLoad)
	}
	return s.tell("Submitted tasks to a node", i, command{Op: opLoad, Load: l})
}

// learnTerm asks all nodes for the newest term. The caller holds levers.
func (s *Swarm) learnTerm() {
	for _, n := range s.Status(s.life) {
		if n.Report != nil {
			s.term = max(s.term, n.Report.Term)
		}
	}
}

// Submit gives node i a task. It needs the form without processes.
func (s *Swarm) Submit(i int, t Task) error {
	m, err := s.running(i)
	if err != nil {
		return err
	}
	l, ok := m.(*local)
	if !ok {
		return errors.New("submit: a function can't be sent to a process; use Load")
	}
	return l.node.queue.submit(t)
}

// tell gives one running node one command.
func (s *Swarm) tell(msg string, i int, c command) error {
	return s.pull(msg, i, func(*slot) error {
		m, err := s.running(i)
		if err == nil {
			_, err = call(s.life, m, c)
		}
		if err != nil {
			return fmt.Errorf("%s node %d: %w", c.Op, i, err)
		}
		return nil
	})
}

// pull moves one lever of node i, alone, and logs that.
func (s *Swarm) pull(msg string, i int, lever func(*slot) error) error {
	s.levers.Lock()
	defer s.levers.Unlock()
	if s.life.Err() != nil {
		return errors.New("the swarm is stopped")
	}
	if i < 0 || i >= len(s.slots) {
		return fmt.Errorf("node %d: there are nodes 0 to %d", i, len(s.slots)-1)
	}
	if err := lever(s.slots[i]); err != nil {
		return err
	}
	level.Info(s.options.Logger).Log("msg", msg, "peer", s.slots[i].info.ID)
	return nil
}

// running is the member at i, which must be up.
func (s *Swarm) running(i int) (member, error) {
	if i < 0 || i >= s.options.Nodes {
		return nil, fmt.Errorf("node %d: there are nodes 0 to %d", i, s.options.Nodes-1)
	}
	status, m := s.describe(i)
	if status.State != StateUp {
		return nil, fmt.Errorf("node %d is %s", i, status.State)
	}
	return m, nil
}
