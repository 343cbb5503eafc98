package shutdown

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// runGroup runs cmd in a process group of its own. The group is signalled only while cmd itself is not reaped: so long
// its number belongs to it and can't be another's.
func runGroup(ctx context.Context, cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	group := -cmd.Process.Pid
	exited := make(chan struct{})
	var lost error // written before exited is closed
	go func() {
		defer close(exited)
		lost = awaitExit(cmd.Process.Pid)
	}()

	term, stop := termContext(ctx)
	defer stop()
	select {
	case <-exited:
		if lost != nil { // not known when it ends, so it ends now
			_ = unix.Kill(group, unix.SIGKILL)
			return errors.Join(fmt.Errorf("wait for its end: %w", lost), ofKilled(cmd.Wait()))
		}
		return cmd.Wait()
	case <-term.Done():
	}
	_ = unix.Kill(group, unix.SIGTERM) // fails only if nobody may be signalled
	why, left := ctx.Err(), cancelGrace
	if deadline, ok := ctx.Deadline(); ok && why == nil {
		why, left = context.DeadlineExceeded, time.Until(deadline)
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	last := "SIGTERM"
	select {
	case <-exited:
		_ = unix.Kill(group, unix.SIGKILL) // those who have outlived the command
	case <-timer.C:
		last = "SIGKILL"
		_ = unix.Kill(group, unix.SIGKILL)
		<-exited
	}
	if err := ofKilled(cmd.Wait()); err != nil {
		return fmt.Errorf("ended with %s: %w; %w", last, why, err)
	}
	return fmt.Errorf("ended with %s: %w", last, why)
}

// termContext ends when SIGTERM is due: with ctx, or a little before its deadline.
func termContext(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(commandGrace, time.Until(deadline)/5)))
}

// awaitExit returns when the process has ended, and leaves it to be reaped.
func awaitExit(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// ofKilled is what Wait says of a command that was ended, without what goes without saying.
func ofKilled(err error) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
		return nil
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}
