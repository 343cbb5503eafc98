//go:build !linux

package shutdown

import (
	"context"
	"errors"
	"syscall"
)

func endsProcesses(s syscall.Signal) bool { return s > 0 }

func newSignal(SignalOptions) (func(context.Context) error, error) {
	return nil, errors.New("new signal step: it needs Linux, where a process can be held while it is checked: use a command")
}
