package devnet

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/go-kit/log/level"
	"github.com/libp2p/go-libp2p/core/peer"
)

// CutOff parts the named nodes, as one group, from all others.
func (s *Swarm) CutOff(nodes ...int) error { return s.Partition(nodes) }

// Partition parts the swarm: nodes talk within their group alone; those that no group names are one more group. Whoever
// is not of the swarm can still talk to all. It replaces an earlier partition.
func (s *Swarm) Partition(groups ...[]int) error {
	assigned := make(map[int]int)
	for g, nodes := range groups {
		for _, i := range nodes {
			if i < 0 || i >= s.options.Nodes {
				return fmt.Errorf("partition: node %d: there are nodes 0 to %d", i, s.options.Nodes-1)
			}
			if _, twice := assigned[i]; twice {
				return fmt.Errorf("partition: node %d is named twice", i)
			}
			assigned[i] = g + 1
		}
	}
	return s.regroup(assigned)
}

// Heal ends a partition.
func (s *Swarm) Heal() error { return s.regroup(nil) }

// regroup gives every node its group, 0 if it is not named.
func (s *Swarm) regroup(groups map[int]int) error {
	s.levers.Lock()
	defer s.levers.Unlock()
	if s.life.Err() != nil {
		return errors.New("the swarm is stopped")
	}
	s.mu.Lock()
	for i, n := range s.slots {
		n.group = groups[i]
	}
	s.mu.Unlock()
	level.Info(s.options.Logger).Log("msg", "Regrouped the swarm")
	return s.rewire()
}

// rewire tells every node whom it may not talk to, and when all know it, whom to dial: the neighbours of its group. A
// frozen node is told when it thaws. The caller holds levers.
func (s *Swarm) rewire() error {
	return errors.Join(s.tellAll(opBlock, s.strangers), s.tellAll(opDial, s.friends))
}

// strangers are the nodes of other groups than i's.
func (s *Swarm) strangers(i int) []peer.AddrInfo {
	var peers []peer.AddrInfo
	for _, n := range s.slots {
		if n.group != s.slots[i].group {
			peers = append(peers, n.info)
		}
	}
	return peers
}

// friends are the nodes that i should dial, and those outside the swarm.
func (s *Swarm) friends(i int) []peer.AddrInfo {
	var ring []int
	for j, n := range s.slots {
		if n.group == s.slots[i].group && n.state() != StateDead {
			ring = append(ring, j)
		}
	}
	peers := slices.Clone(s.outside)
	for _, at := range neighbours(len(ring), slices.Index(ring, i)) {
		peers = append(peers, s.slots[ring[at]].info)
	}
	return peers
}

// tellAll gives all nodes that are up a command about peers, at once.
func (s *Swarm) tellAll(op string, peers func(i int) []peer.AddrInfo) error {
	errs := make([]error, len(s.slots))
	var told sync.WaitGroup
	s.mu.Lock()
	for i, n := range s.slots {
		if n.state() != StateUp {
			continue
		}
		m, c := n.member, command{Op: op, Peers: peers(i)}
		told.Go(func() {
			if _, err := call(s.life, m, c); err != nil {
				errs[i] = fmt.Errorf("%s node %d: %w", op, i, err)
			}
		})
	}
	s.mu.Unlock()
	told.Wait()
	return errors.Join(errs...)
}
