package devnet

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// DieWithParent makes cmd get a signal when the thread that starts it ends, however that happens: start it from a locked
// one. It also keeps the terminal's signals from it.
func DieWithParent(cmd *exec.Cmd, signal syscall.Signal) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: signal, Setpgid: true}
}

// stopTimeout is how long the threads of a process have to stop.
const stopTimeout = 5 * time.Second

// freeze stops a process where it stands, and returns when all its threads have stopped: one that is at work on another
// CPU goes on for a moment after the signal. Its connections stay; nothing answers.
func freeze(p *os.Process) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for end := time.Now().Add(stopTimeout); time.Now().Before(end); time.Sleep(time.Millisecond) {
		var stopped unix.Siginfo // without WEXITED: its end is not ours to take note of
		err := unix.Waitid(unix.P_PID, p.Pid, &stopped, unix.WSTOPPED|unix.WNOHANG, nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait until process %d has stopped: %w", p.Pid, err)
		}
		if stopped.Signo != 0 {
			return nil
		}
	}
	return fmt.Errorf("process %d has not stopped within %v", p.Pid, stopTimeout)
}

// thaw lets it go on.
func thaw(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
