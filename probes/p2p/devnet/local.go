package devnet

import (
	"context"
	"os"
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"
)

// local is a node in this process.
type local struct {
	node  *node
	ended chan struct{}
	end   func() error // once
}

// launchLocal starts a node in this process.
func launchLocal(ctx context.Context, o Options, c nodeConfig) (member, peer.AddrInfo, error) {
	n, err := startNode(ctx, c, o.Validators, o.Logger)
	if err != nil {
		return nil, peer.AddrInfo{}, err
	}
	l := &local{node: n, ended: make(chan struct{})}
	l.end = sync.OnceValue(func() error {
		defer close(l.ended)
		return n.close()
	})
	return l, n.info(), nil
}

func (l *local) call(_ context.Context, c command) (reply, error) { return l.node.do(c) }
func (l *local) gone() <-chan struct{}                            { return l.ended }
func (l *local) kill() error                                      { return l.end() }
func (*local) pid() int                                           { return os.Getpid() }
