package main

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What never closes ends neither by itself nor with a reload, but with its time or with a signal.
func TestClosingIsBounded(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	ended := make(chan struct{}, 2)
	hangs := func() error { <-end; ended <- struct{}{}; return nil }
	signals := make(chan os.Signal, 2)
	if err := within(10*time.Millisecond, signals, hangs); !errors.Is(err, errUnclosed) {
		t.Errorf("closing forever: %v", err)
	}
	signals <- syscall.SIGHUP
	signals <- syscall.SIGTERM
	if err := within(time.Hour, signals, hangs); !errors.Is(err, errUnclosed) || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("closing until a signal: %v", err)
	}
	close(end)
	<-ended
	<-ended
	failed := errors.New("failed")
	if err := within(time.Hour, signals, func() error { return failed }); !errors.Is(err, failed) {
		t.Errorf("closing with an error: %v", err)
	}
}
