// Package grpchealth answers gRPC's standard health protocol, grpc.health.v1.Health, as the paths /health/live and
// /health/ready of package web do: the service liveness and the service readiness are SERVING while the path answers 200.
// The server as a whole, whose name is empty, answers like readiness: who asks for it, as load balancers and a kubelet do
// that were told no name, wants to know whether to send traffic. Any other name is unknown.
//
// There is no authentication, since a kubelet brings none, and nothing is told but the status.
package grpchealth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-kit/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

// Names of the services. The empty name answers like Readiness.
const (
	Liveness  = "liveness"
	Readiness = "readiness"
)

// DefaultMaxConnections is how many connections are open at once when Options say nothing.
const DefaultMaxConnections = 128

// Bounds of the server. A connection costs two goroutines and buffers of 8 KB, a call one goroutine and a few KB.
const (
	maxStreams        = 16      // calls at once on a connection
	maxMessageBytes   = 4 << 10 // a service name, which is all that a message holds
	maxHeaderBytes    = 8 << 10
	bufferBytes       = 4 << 10
	connectionTimeout = 5 * time.Second  // until a connection speaks HTTP/2
	idleTimeout       = 2 * time.Minute  // without a call
	pingInterval      = time.Minute      // of ours, to find who has gone
	pingTimeout       = 10 * time.Second // for the answer
	leastPingInterval = 10 * time.Second // who pings more often is sent away
	finishTimeout     = 3 * time.Second  // for calls under way when the server stops
	watchInterval     = time.Second      // between looks at the verdict for those who watch
)

// Options configure a Server. Verdict is required.
type Options struct {
	// Verdict says what /health/live and /health/ready would answer at this moment, true for 200. It is called for each
	// call and once a second, and must not block.
	Verdict        func() (live, ready bool)
	MaxConnections int        // more at once close the oldest of who has the most; default DefaultMaxConnections
	Logger         log.Logger // default: none
}

// Server answers health checks over gRPC. All methods are safe for concurrent use.
type Server struct {
	opts   Options
	health *service
}

// New checks the options and returns a Server. It starts nothing.
func New(o Options) (*Server, error) {
	switch {
	case o.Verdict == nil:
		return nil, errors.New("grpc options: Verdict is required")
	case o.MaxConnections < 0:
		return nil, errors.New("grpc options: MaxConnections must not be negative")
	case o.MaxConnections == 0:
		o.MaxConnections = DefaultMaxConnections
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	return &Server{opts: o, health: newService(o.Verdict, o.Logger)}, nil
}

// Refresh tells those who watch of a verdict that has changed. Without it they learn of it within a second.
func (s *Server) Refresh() { s.health.refresh() }

// Serve answers on l, which it closes, until ctx is done and the calls under way have been answered, for which they get 3
// seconds. It is to be called once. When it returns, every goroutine it started has ended.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := grpc.NewServer(
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.MaxSendMsgSize(maxMessageBytes),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.ReadBufferSize(bufferBytes),
		grpc.WriteBufferSize(bufferBytes),
		grpc.ConnectionTimeout(connectionTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: idleTimeout, Time: pingInterval, Timeout: pingTimeout,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: leastPingInterval, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true),
	)
	grpc_health_v1.RegisterHealthServer(server, s.health)
	listener := newCrowded(l, s.opts.MaxConnections, s.opts.Logger)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			s.stop(server, listener)
			return fmt.Errorf("listen: %w", err)
		case <-tick.C: // a verdict also turns by age, of which nobody tells
			s.health.refresh()
		case <-ctx.Done():
			s.stop(server, listener)
			err := <-ended
			if errors.Is(err, grpc.ErrServerStopped) { // the stop came before the beginning
				return nil
			}
			return err
		}
	}
}

// stop ends the server and all it does within finishTimeout and the moment that closing takes.
func (s *Server) stop(server *grpc.Server, listener *crowded) {
	s.health.end()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		server.GracefulStop()
	}()
	late := time.NewTimer(finishTimeout)
	defer late.Stop()
	select {
	case <-finished:
	case <-late.C: // somebody does not read, or does not speak: cut
		listener.cut()
		server.Stop()
		<-finished
	}
}
