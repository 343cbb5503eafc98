package shutdown

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// held is a process that we have hold of: when it ends, its number may become another's, but what is held stays what it
// was.
type held struct {
	file *os.File // a pidfd, which becomes readable when the process has ended
	conn syscall.RawConn
}

// holdProcess gets hold of the process that has the number now. An error is unix.ESRCH if there is none.
func holdProcess(pid int) (*held, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	switch {
	case errors.Is(err, unix.ENOSYS):
		return nil, fmt.Errorf("open process %d: %w: it needs Linux 5.3, use a command instead", pid, err)
	case errors.Is(err, unix.EINVAL):
		return nil, fmt.Errorf("open process %d: %w: it is the number of a thread", pid, err)
	case err != nil:
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // for Go's poller
		_ = unix.Close(fd)
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	file := os.NewFile(uintptr(fd), fmt.Sprintf("pidfd of %d", pid))
	conn, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &held{file: file, conn: conn}, nil
}

func (p *held) release() { _ = p.file.Close() } // nothing was written

// signal sends a signal; the error is unix.ESRCH if the process has ended.
func (p *held) signal(s syscall.Signal) error {
	var sent error
	err := p.conn.Control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), s, nil, 0) })
	return errors.Join(err, sent)
}

// gone says whether the process has ended; a zombie has.
func (p *held) gone() (yes bool) {
	err := p.conn.Control(func(fd uintptr) { yes = readable(fd) })
	return err == nil && yes
}

// wait returns nil when the process has ended, or the error of ctx.
func (p *held) wait(ctx context.Context) error {
	interrupt := context.AfterFunc(ctx, func() { _ = p.file.SetReadDeadline(time.Unix(1, 0)) })
	defer interrupt()
	err := p.conn.Read(readable)
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func readable(fd uintptr) bool {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(poll, 0)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && n > 0
		}
	}
}
