package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"chorus/evaluator/shutdown"
)

// maxTokenSize bounds what is read of a token file, in bytes.
const maxTokenSize = 64 << 10

// phaseNames are what hooks may say under phase, in order.
func phaseNames() []string {
	return []string{string(shutdown.PreShutdown), string(shutdown.Shutdown), string(shutdown.PostShutdown)}
}

// hookSignals are the signals that a hook may send: those that a process can answer by an orderly stop.
func hookSignals() map[string]syscall.Signal {
	return map[string]syscall.Signal{
		"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP, "QUIT": syscall.SIGQUIT,
		"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
	}
}

// components are the hooks as steps of a stop.
func (s *Shutdown) components() (out []shutdown.Component, err error) {
	for _, h := range s.Hooks {
		stop, err := h.step()
		if err != nil {
			return nil, fmt.Errorf("shutdown hook %s: %w", h.Name, err)
		}
		when := shutdown.OnRule
		if h.When == whenAlways {
			when = shutdown.Always
		}
		out = append(out, shutdown.Component{
			Name: h.Name, Phase: shutdown.Phase(h.Phase), Priority: h.Priority, Timeout: time.Duration(h.Timeout),
			When: when, Stop: stop,
		})
	}
	return out, nil
}

// step is what the hook does. Its error names the setting that is invalid.
func (h Hook) step() (func(context.Context) error, error) {
	switch {
	case h.Command != nil:
		return shutdown.NewCommand(shutdown.CommandOptions{Args: h.Command})
	case h.Post != HookPost{}:
		return h.Post.step()
	}
	signals := hookSignals()
	sig, ok := signals[h.Signal.Name]
	if !ok {
		return nil, fmt.Errorf("name: invalid signal %q; use one of %s",
			h.Signal.Name, strings.Join(slices.Sorted(maps.Keys(signals)), ", "))
	}
	return shutdown.NewSignal(shutdown.SignalOptions{PIDFile: h.Signal.PIDFile, Signal: sig, Executable: h.Signal.Executable})
}

// step posts with the token that the file holds at that moment: whoever rotates it need not reload anything.
func (p HookPost) step() (func(context.Context) error, error) {
	post := func(header http.Header) (func(context.Context) error, error) {
		return shutdown.NewPost(shutdown.PostOptions{
			URL: string(p.URL), Header: header, Body: p.Body, Retries: p.Retries,
		})
	}
	once, err := post(nil) // all but the token is known now
	if err != nil || p.TokenFile == "" {
		return once, err
	}
	return func(ctx context.Context) error {
		token, err := p.token()
		if err != nil {
			return fmt.Errorf("read bearer_token_file: %w", err)
		}
		do, err := post(http.Header{"Authorization": {"Bearer " + token}})
		if err != nil {
			return err
		}
		return do(ctx)
	}, nil
}

func (p HookPost) token() (string, error) {
	info, err := os.Stat(p.TokenFile)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", p.TokenFile) // a pipe would make everybody wait
	}
	data, err := readBounded(p.TokenFile, maxTokenSize)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return "", errors.New("it does not hold one line with a token")
	}
	return token, nil
}
