package main

import (
	"context"
	"net"
	"time"

	"github.com/go-kit/log/level"

	"chorus/web/serve"
)

// logInterval is how often what clients cause is logged.
const logInterval = time.Minute

// serveHTTP listens and answers until ctx is done and the requests under way have been answered.
func (a *app) serveHTTP(ctx context.Context) error {
	return explain(flagWeb, serve.Guarded(ctx, a.exporter.Handler(), a.flags.web, a.serverLog, a.listening))
}

// serveProbes does the same for the health paths alone, on a listener of their own without TLS and authentication, which a
// kubelet can reach whatever guards the other.
func (a *app) serveProbes(ctx context.Context) error {
	l, err := listen(ctx, flagProbes, a.flags.probeAddress)
	if err != nil {
		return err
	}
	level.Info(a.logger).Log("msg", "Listening for probes on "+l.Addr().String())
	return serve.Open(ctx, a.exporter.Handler().HealthOnly(a.flags.probeDetail == detailStatus), l, a.serverLog)
}

// listen returns a listener; an error names the flag and the address.
func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	return l, explain(flag, err)
}
