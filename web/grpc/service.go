package grpchealth

import (
	"context"
	"fmt"
	"sync"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// unknown stands for every name that is none of ours where the standard server would remember each that it was ever asked
// for, and so grow without bound.
const unknown = "unknown"

// service is the standard health server, told of the verdict before each call: an evaluator that stalls tells nobody.
type service struct {
	*health.Server
	verdict func() (live, ready bool)
	logger  log.Logger
	ended   context.Context // done when those who watch are to be sent away
	end     context.CancelFunc

	mu          sync.Mutex // one look at the verdict after the other
	live, ready bool       // as the standard server knows it
	broken      bool       // the last look panicked
}

func newService(verdict func() (live, ready bool), logger log.Logger) *service {
	s := &service{Server: health.NewServer(), verdict: verdict, logger: logger}
	s.ended, s.end = context.WithCancel(context.Background())
	for _, name := range []string{"", Liveness, Readiness} {
		s.SetServingStatus(name, grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	}
	return s
}

// refresh tells the standard server of the verdict as it is now.
func (s *service) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	live, ready := s.judge()
	if live != s.live {
		s.live = live
		s.SetServingStatus(Liveness, servingStatus(live))
	}
	if ready != s.ready {
		s.ready = ready
		s.SetServingStatus(Readiness, servingStatus(ready))
		s.SetServingStatus("", servingStatus(ready))
	}
}

// judge asks for the verdict. If that panics, nobody knows anything, which is neither live nor ready.
func (s *service) judge() (live, ready bool) {
	defer func() {
		p := recover()
		if p == nil {
			s.broken = false
			return
		}
		live, ready = false, false
		if !s.broken {
			level.Error(s.logger).Log("msg", "The verdict for gRPC can't be told", "err", fmt.Sprintf("panic: %v", p))
		}
		s.broken = true
	}()
	return s.verdict()
}

func servingStatus(serving bool) grpc_health_v1.HealthCheckResponse_ServingStatus {
	if serving {
		return grpc_health_v1.HealthCheckResponse_SERVING
	}
	return grpc_health_v1.HealthCheckResponse_NOT_SERVING
}

// Check answers for the moment of the call. A name that is none of ours is NOT_FOUND.
func (s *service) Check(
	ctx context.Context, in *grpc_health_v1.HealthCheckRequest,
) (*grpc_health_v1.HealthCheckResponse, error) {
	s.refresh()
	return s.Server.Check(ctx, in)
}

// List answers for all services, as of the moment of the call.
func (s *service) List(
	ctx context.Context, in *grpc_health_v1.HealthListRequest,
) (*grpc_health_v1.HealthListResponse, error) {
	s.refresh()
	return s.Server.List(ctx, in)
}

// Watch tells the status of a service and each change of it, until the client leaves or the server stops.
func (s *service) Watch(in *grpc_health_v1.HealthCheckRequest, stream grpc_health_v1.Health_WatchServer) error {
	s.refresh()
	switch in.GetService() {
	case "", Liveness, Readiness:
	default:
		in = &grpc_health_v1.HealthCheckRequest{Service: unknown}
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(s.ended, cancel)()
	err := s.Server.Watch(in, &watch{stream, ctx})
	if s.ended.Err() != nil {
		return status.Error(codes.Unavailable, "the server stops")
	}
	return err
}

// watch is a stream that also ends with the server.
type watch struct {
	grpc_health_v1.Health_WatchServer
	ctx context.Context
}

func (w *watch) Context() context.Context { return w.ctx }
