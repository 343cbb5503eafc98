package probes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestReasonOf(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want Reason
	}{
		"nil":             {nil, ""},
		"any":             {errors.New("x"), ReasonError},
		"deadline":        {fmt.Errorf("ask: %w", context.DeadlineExceeded), ReasonTimeout},
		"I/O deadline":    {fmt.Errorf("ask: %w", os.ErrDeadlineExceeded), ReasonTimeout},
		"DNS timeout":     {&net.DNSError{IsTimeout: true}, ReasonTimeout},
		"DNS not found":   {&net.DNSError{IsNotFound: true}, ReasonError},
		"canceled":        {fmt.Errorf("ask: %w", context.Canceled), ReasonCanceled},
		"refused":         {&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, ReasonRefused},
		"named":           {fmt.Errorf("ask: %w", WithReason(ReasonIntegrity, errors.New("x"))), ReasonIntegrity},
		"named over own":  {WithReason(ReasonWarmingUp, context.DeadlineExceeded), ReasonWarmingUp},
		"outermost name":  {WithReason(ReasonNoPeers, WithReason(ReasonTimeout, errors.New("x"))), ReasonNoPeers},
		"name not in set": {WithReason("peer 12D3KooW is rude", errors.New("x")), ReasonError},
		"joined":          {errors.Join(errors.New("x"), WithReason(ReasonNoTopicPeers, errors.New("y"))), ReasonNoTopicPeers},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ReasonOf(c.err); got != c.want {
				t.Errorf("ReasonOf(%v) = %q, want %q", c.err, got, c.want)
			}
		})
	}
	if err := WithReason(ReasonPanic, nil); err != nil {
		t.Errorf("WithReason of nil = %v", err)
	}
	if err := WithReason(ReasonPanic, os.ErrNotExist); !errors.Is(err, os.ErrNotExist) || err.Error() != os.ErrNotExist.Error() {
		t.Errorf("WithReason changed the error: %v", err)
	}
}

func TestReasonOfARealRefusal(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = net.DialTimeout("tcp", l.Addr().String(), 10*time.Second)
	if got := ReasonOf(err); got != ReasonRefused {
		t.Errorf("ReasonOf(%v) = %q, want refused", err, got)
	}
}
