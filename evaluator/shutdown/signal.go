package shutdown

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
)

// SignalOptions says which process to end, and how.
type SignalOptions struct {
	PIDFile    string         // absolute path of a file that holds the process' number and nothing else
	Signal     syscall.Signal // default SIGTERM
	Executable string         // absolute path of the program that the process must be running
}

// NewSignal returns a step that sends a signal to the process a pid file names and waits until that has gone. It needs
// Linux 5.3.
//
// A pid file may be old, and its number that of somebody else by now. So the step gets hold of the process first, checks
// it then, and signals what it holds: the process must run Executable, or the file that stood there when it began and
// has been replaced since. A pid file that is neither root's nor ours speaks for processes of its owner alone, one that
// everybody may write for none. Processes 0 and 1, this one and its parent are refused. A process that is gone already
// is what the step wants; a pid file that is missing is an error, since nobody knows what it would name.
func NewSignal(o SignalOptions) (func(context.Context) error, error) {
	o.Signal = cmp.Or(o.Signal, syscall.SIGTERM)
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("new signal step: %w", err)
	}
	return newSignal(o)
}

// check says what is wrong.
func (o SignalOptions) check() error {
	switch {
	case !filepath.IsAbs(o.PIDFile) || strings.ContainsRune(o.PIDFile, 0):
		return errors.New("PIDFile must be an absolute path")
	case !filepath.IsAbs(o.Executable) || strings.ContainsRune(o.Executable, 0):
		return errors.New("Executable must be the absolute path of the program that the process runs, as ls -l /proc/PID/exe shows it")
	case !endsProcesses(o.Signal):
		return fmt.Errorf("Signal %d (%v) ends no process: choose from SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGKILL and the like",
			int(o.Signal), o.Signal)
	}
	return nil
}
