package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-kit/log/level"
	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// Bounds of a web server. A profile adds to the time for writing what it was asked to take.
const (
	readTimeout    = 10 * time.Second // for the handshake, and for a request
	writeTimeout   = 30 * time.Second // for an answer
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 8 << 10 // net/http allows 4 KB more
	maxStreams     = 16      // requests at once on an HTTP/2 connection
	logInterval    = time.Minute
	finishTimeout  = 3 * time.Second // for requests under way when the server stops
	bodyTimeout    = 2 * time.Second // for a request's body, which nothing here reads
)

// serveHTTP listens and answers until ctx is done and the requests under way have been answered.
func (a *app) serveHTTP(ctx context.Context) error {
	server := a.server(a.handler)
	server.BaseContext = func(l net.Listener) context.Context { // called when l is about to accept
		if *a.flags.web.WebConfigFile != "" {
			server.Handler = refusalLog{next: server.Handler, logger: slog.New(a.serverLog)}
		}
		if a.listening != nil {
			a.listening(l.Addr())
		}
		return context.Background()
	}
	return untilDone(ctx, server, func() error { return toolkit.ListenAndServe(server, a.flags.web, slog.New(a.serverLog)) })
}

// serveProbes does the same for the health paths alone, on a listener of their own without TLS and authentication, which a
// kubelet can reach whatever guards the other.
func (a *app) serveProbes(ctx context.Context) error {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", a.flags.probeAddress)
	if err != nil {
		return err // it names the address
	}
	level.Info(a.logger).Log("msg", "Listening for probes on "+l.Addr().String())
	server := a.server(a.handler.HealthOnly(a.flags.probeDetail == detailStatus))
	return untilDone(ctx, server, func() error { return server.Serve(l) })
}

// server is one with all its bounds.
func (a *app) server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           boundBody(handler),
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ConnState:         newConnections(maxConnections, a.serverLog).changed,
		ErrorLog:          slog.NewLogLogger(a.serverLog, slog.LevelWarn),
	}
}

// untilDone serves until ctx is done and the requests under way have been answered.
func untilDone(ctx context.Context, server *http.Server, serve func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- serve() }()
	select {
	case err := <-ended:
		return fmt.Errorf("listen: %w", err)
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	err := server.Shutdown(bounded)
	if err != nil { // somebody still reads: cut
		err = server.Close()
	}
	if serveErr := <-ended; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// boundBody bounds the wait for a request's body. Before net/http sends an answer it reads what the client has announced
// and not sent; who never sends it would keep the answer back for readTimeout. A request without a body has been read, and
// its answer may take longer: when readTimeout is over net/http would take the client for gone.
func boundBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var deadline time.Time
		if r.ContentLength != 0 {
			deadline = time.Now().Add(bodyTimeout)
		}
		// An error means a writer without deadlines, which is none of our server's.
		_ = http.NewResponseController(w).SetReadDeadline(deadline)
		next.ServeHTTP(w, r)
	})
}
