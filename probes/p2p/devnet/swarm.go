package devnet

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/go-kit/log/level"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// Swarm is a running swarm. Its methods may be called by any goroutine; levers wait for each other.
type Swarm struct {
	options Options
	outside []peer.AddrInfo
	launch  func(context.Context, Options, nodeConfig) (member, peer.AddrInfo, error)
	spawner *spawner // nil in the form without processes

	life context.Context // ends with Stop or with the context of Start
	end  context.CancelFunc
	stop func() error // once

	levers sync.Mutex // held by the one lever that moves
	term   uint64     // newest that a node told of; guarded by levers

	mu    sync.Mutex
	slots []*slot // by index
}

// slot is the place of one node: it outlives the node. The swarm's mu guards it.
type slot struct {
	info   peer.AddrInfo // who is here and where it listens, for good
	member member        // the last that ran here
	frozen bool
	group  int   // nodes of different groups can't talk
	taken  *port // nil if the port was given
}

func (n *slot) state() State {
	select {
	case <-n.member.gone():
		return StateDead
	default:
	}
	if n.frozen {
		return StateFrozen
	}
	return StateUp
}

// addr is the node's multiaddr with its id.
func (n *slot) addr() string { return fmt.Sprintf("%s/p2p/%s", n.info.Addrs[0], n.info.ID) }

// listens is the port where the node listens.
func (n *slot) listens() (int, error) {
	text, err := n.info.Addrs[0].ValueForProtocol(ma.P_TCP)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// Start starts a swarm in this process. It returns when every node has heard every other one through GossipSub; the first
// leader comes some 3 heartbeat intervals later. The swarm lives until Stop, or until ctx is done.
func Start(ctx context.Context, o Options) (*Swarm, error) {
	return start(ctx, o, func(s *Swarm) { s.launch = launchLocal })
}

// StartProcesses is Start with a process for each node, which is killed with the thread that started it: none stays
// behind, however this process ends.
func StartProcesses(ctx context.Context, o Options) (*Swarm, error) {
	if o.Binary == "" {
		return nil, errors.New("start devnet: Binary is required: the program that runs one node")
	}
	if len(o.Validators) > 0 {
		return nil, errors.New("start devnet: Validators can't be handed to a process: its binary brings its own")
	}
	return start(ctx, o, func(s *Swarm) {
		s.spawner = newSpawner()
		s.launch = func(_ context.Context, o Options, c nodeConfig) (member, peer.AddrInfo, error) {
			return s.spawner.launchProcess(s.life, o, c)
		}
	})
}

func start(ctx context.Context, o Options, form func(*Swarm)) (*Swarm, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("start devnet: %w", err)
	}
	s := &Swarm{options: o}
	s.outside, _ = parsePeers(o.Peers) // complete has checked them
	s.life, s.end = context.WithCancel(ctx)
	form(s)
	s.stop = sync.OnceValue(s.stopAll)
	if err := s.raise(); err != nil {
		return nil, errors.Join(fmt.Errorf("start devnet: %w", err), s.Stop())
	}
	context.AfterFunc(s.life, func() { _ = s.Stop() })
	level.Info(o.Logger).Log("msg", "The swarm is up")
	return s, nil
}

// raise starts all nodes, connects them and waits until they hear each other.
func (s *Swarm) raise() error {
	s.levers.Lock()
	defer s.levers.Unlock()
	for i := range s.options.Nodes {
		if err := s.add(s.options.node(i)); err != nil {
			return err
		}
	}
	if err := s.rewire(); err != nil {
		return err
	}
	return s.converge()
}

// add starts a node, on a port that is kept for it.
func (s *Swarm) add(config nodeConfig) (err error) {
	n := &slot{}
	if config.Port == 0 {
		if n.taken, config.Port, err = takePort(); err != nil {
			return err
		}
	}
	if n.member, n.info, err = s.launch(s.life, s.options, config); err != nil {
		n.taken.release()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slots = append(s.slots, n)
	return nil
}

// raiseTimeout is how long the nodes have to hear each other.
const raiseTimeout = time.Minute

// converge waits until every node hears all others.
func (s *Swarm) converge() error {
	ctx, cancel := context.WithTimeout(s.life, raiseTimeout)
	defer cancel()
	for {
		ready := 0
		for _, n := range s.Status(ctx) {
			if n.Report != nil && n.Report.Alive == s.options.Nodes-1 {
				ready++
			}
		}
		if ready == s.options.Nodes {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d nodes hear all others: %w", ready, s.options.Nodes, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Stop ends all nodes and returns when nothing of them is left. Further calls wait for the first and return the same.
func (s *Swarm) Stop() error { return s.stop() }

func (s *Swarm) stopAll() error {
	s.end()
	s.levers.Lock()
	defer s.levers.Unlock()
	s.mu.Lock()
	slots := s.slots
	s.mu.Unlock()
	errs := make([]error, len(slots))
	var ends sync.WaitGroup
	for i, n := range slots {
		ends.Go(func() { errs[i] = n.member.kill() })
	}
	ends.Wait()
	for _, n := range slots {
		n.taken.release()
	}
	if s.spawner != nil {
		s.spawner.close()
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop devnet: %w", err)
	}
	return nil
}

// Done is closed when the swarm is being stopped, by Stop or by its context.
func (s *Swarm) Done() <-chan struct{} { return s.life.Done() }

// Targets are the nodes' multiaddrs with their ids, by index. They stay the same while the swarm lives.
func (s *Swarm) Targets() []string {
	targets := make([]string, s.options.Nodes)
	for i := range targets {
		status, _ := s.describe(i)
		targets[i] = status.Addr
	}
	return targets
}

// Infos are ids and addresses of the nodes, by index.
func (s *Swarm) Infos() []peer.AddrInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	infos := make([]peer.AddrInfo, len(s.slots))
	for i, n := range s.slots {
		infos[i] = n.info
	}
	return infos
}
