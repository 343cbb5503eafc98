package devnet

import (
	"os/exec"
	"runtime"
)

// spawner starts processes, all from one thread that lives until close. A child is bound to the life of the thread that
// started it, not to that of the process, and Go ends threads as it likes.
type spawner struct {
	work chan func()
	done chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{work: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine, and takes with it who is left
		for f := range s.work {
			f()
		}
	}()
	return s
}

// start starts cmd.
func (s *spawner) start(cmd *exec.Cmd) error {
	result := make(chan error)
	s.work <- func() { result <- cmd.Start() }
	return <-result
}

// close ends the thread. Nothing may be started afterwards.
func (s *spawner) close() {
	close(s.work)
	<-s.done
}
