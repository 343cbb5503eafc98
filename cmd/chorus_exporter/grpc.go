package main

import (
	"context"

	"github.com/go-kit/log/level"
)

// serveGRPC answers health checks over gRPC until ctx is done, on a listener without TLS and authentication: a kubelet
// brings neither.
func (a *app) serveGRPC(ctx context.Context) error {
	l, err := listen(ctx, flagGRPC, a.flags.grpcAddress)
	if err != nil {
		return err
	}
	level.Info(a.logger).Log("msg", "Listening for gRPC health checks on "+l.Addr().String())
	return a.grpc.Serve(ctx, l)
}
