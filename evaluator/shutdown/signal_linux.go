package shutdown

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const lastSignal = 64

// endsProcesses says whether a signal may end a process: one that stops or continues it never does.
func endsProcesses(s syscall.Signal) bool {
	never := []syscall.Signal{unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGCONT, unix.SIGCHLD}
	return s > 0 && s <= lastSignal && !slices.Contains(never, s)
}

func newSignal(o SignalOptions) (func(context.Context) error, error) {
	return func(ctx context.Context) error {
		if err := o.stop(ctx); err != nil {
			return fmt.Errorf("signal the process of %s: %w", o.PIDFile, err)
		}
		return nil
	}, nil
}

func (o SignalOptions) stop(ctx context.Context) error {
	pid, owner, err := readPIDFile(o.PIDFile)
	if err != nil {
		return err
	}
	p, err := holdProcess(pid)
	if errors.Is(err, unix.ESRCH) {
		return nil // it has gone
	}
	if err != nil {
		return err
	}
	defer p.release()
	err = o.checkProcess(pid, owner)
	if p.gone() {
		return nil
	}
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	switch err := p.signal(o.Signal); {
	case errors.Is(err, unix.ESRCH):
		return nil
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("send %s to process %d: %w: run as its user, or with CAP_KILL", unix.SignalName(o.Signal), pid, err)
	case err != nil:
		return fmt.Errorf("send %s to process %d: %w", unix.SignalName(o.Signal), pid, err)
	}
	if err := p.wait(ctx); err != nil {
		return fmt.Errorf("process %d has not gone after %s: %w", pid, unix.SignalName(o.Signal), err)
	}
	return nil
}

// checkProcess says why a process is not the one that is meant. What it sees is worth something only while the process
// is held and has not gone.
func (o SignalOptions) checkProcess(pid int, owner uint32) error {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return fmt.Errorf("which program process %d runs is not known: %w: run as its user, or with CAP_SYS_PTRACE", pid, err)
	}
	// A program that was upgraded while it runs is still the one that was configured.
	runs := strings.TrimSuffix(exe, " (deleted)")
	if target, err := filepath.EvalSymlinks(o.Executable); runs != filepath.Clean(o.Executable) && (err != nil || runs != target) {
		return fmt.Errorf("process %d runs %s and not %s: the pid file is old, or Executable is wrong", pid, exe, o.Executable)
	}
	if owner == 0 || owner == uint32(os.Geteuid()) {
		return nil
	}
	user, err := effectiveUser(pid)
	if err != nil {
		return err
	}
	if user != owner {
		return fmt.Errorf("process %d is user %d's and the pid file user %d's, who has no say over it: chown the file to root",
			pid, user, owner)
	}
	return nil
}
