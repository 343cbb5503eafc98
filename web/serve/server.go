// Package serve has what every listener of the exporter needs: bounds on time, size and connections, so that slow, silent
// or many clients keep nobody else out, and a log that strangers cannot flood.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// Bounds of a server. A profile adds to the time for writing what it was asked to take.
const (
	ReadTimeout    = 10 * time.Second // for the handshake, and for a request
	WriteTimeout   = 30 * time.Second // for an answer
	BodyTimeout    = 2 * time.Second  // for a request's body, which nothing here reads
	MaxHeaderBytes = 8 << 10          // net/http allows 4 KB more
	MaxStreams     = 16               // requests at once on an HTTP/2 connection
	idleTimeout    = 2 * time.Minute
	finishTimeout  = 3 * time.Second // for requests under way when the server stops
)

// Guarded listens and answers as the flags of exporter-toolkit say, with TLS and authentication if they name a file for
// that, until ctx is done and the requests under way have been answered. listening is called with the address of each
// listener that is about to accept; it may be nil. What clients can cause is logged to log.
func Guarded(
	ctx context.Context, handler http.Handler, flags *toolkit.FlagConfig, log slog.Handler, listening func(net.Addr),
) error {
	server := newServer(handler, log)
	server.BaseContext = func(l net.Listener) context.Context { // called when l is about to accept
		if *flags.WebConfigFile != "" {
			server.Handler = refusalLog{next: server.Handler, logger: slog.New(log)}
		}
		if listening != nil {
			listening(l.Addr())
		}
		return context.Background()
	}
	return untilDone(ctx, server, func() error { return toolkit.ListenAndServe(server, flags, slog.New(log)) })
}

// Open does the same on a listener that is there, which it closes, without TLS and authentication.
func Open(ctx context.Context, handler http.Handler, l net.Listener, log slog.Handler) error {
	server := newServer(handler, log)
	return untilDone(ctx, server, func() error { return server.Serve(l) })
}

// newServer returns a server with all its bounds.
func newServer(handler http.Handler, log slog.Handler) *http.Server {
	return &http.Server{
		Handler:           boundBody(handler),
		ReadHeaderTimeout: ReadTimeout,
		ReadTimeout:       ReadTimeout,
		WriteTimeout:      WriteTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    MaxHeaderBytes,
		// Otherwise net/http answers "OPTIONS *" itself, with 200.
		DisableGeneralOptionsHandler: true,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: MaxStreams},
		ConnState:                    newConnections(MaxConnections, log).changed,
		ErrorLog:                     slog.NewLogLogger(log, slog.LevelWarn),
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
// and not sent; who never sends it would keep the answer back for ReadTimeout. A request without a body has been read, and
// its answer may take longer: when ReadTimeout is over net/http would take the client for gone.
func boundBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var deadline time.Time
		if r.ContentLength != 0 {
			deadline = time.Now().Add(BodyTimeout)
		}
		// An error means a writer without deadlines, which is none of our server's.
		_ = http.NewResponseController(w).SetReadDeadline(deadline)
		next.ServeHTTP(w, r)
	})
}
