package main

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

// Bounds of the web server. There is none on writing: a profile takes as long as it is asked to.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
	finishTimeout     = 3 * time.Second // for requests under way when the server stops
)

// serveHTTP listens and answers until ctx is done and the requests under way have been answered.
func (a *app) serveHTTP(ctx context.Context) error {
	server := &http.Server{
		Handler:           a.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(a.logger.slog.Handler(), slog.LevelWarn),
		BaseContext: func(l net.Listener) context.Context { // called when l is about to accept
			if a.listening != nil {
				a.listening(l.Addr())
			}
			return context.Background()
		},
	}
	ended := make(chan error, 1)
	go func() { ended <- toolkit.ListenAndServe(server, a.flags.web, a.logger.slog) }()
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
