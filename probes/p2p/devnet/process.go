package devnet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// maxUnanswered is how many commands may be without an answer: a process that is stopped reads none, and the pipe to it
// must not fill up.
const maxUnanswered = 64

// startTimeout is how long a process has to begin and to start its node.
const startTimeout = 20 * time.Second

// process is a node in a process of its own.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	ended chan struct{}
	cause error // why it ended, after ended

	mu      sync.Mutex
	last    uint64 // id of the last call
	lost    int    // calls that nobody waits for any more and that were not answered
	waiting map[uint64]chan reply
}

// launchProcess starts a process and in it a node. life ends it, as killing it does.
func (s *spawner) launchProcess(life context.Context, o Options, c nodeConfig) (member, peer.AddrInfo, error) {
	cmd := exec.CommandContext(life, o.Binary, "node", "--controlled")
	DieWithParent(cmd, syscall.SIGKILL)
	cmd.Stderr = o.Output
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, peer.AddrInfo{}, fmt.Errorf("start node %d: %w", c.Index, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, peer.AddrInfo{}, fmt.Errorf("start node %d: %w", c.Index, err)
	}
	if err := s.start(cmd); err != nil {
		return nil, peer.AddrInfo{}, fmt.Errorf("start node %d: %w", c.Index, err)
	}
	p := &process{cmd: cmd, in: in, ended: make(chan struct{}), waiting: make(map[uint64]chan reply)}
	go p.read(out)
	ctx, cancel := context.WithTimeout(life, startTimeout)
	defer cancel()
	r, err := p.call(ctx, command{Op: opStart, Start: &c})
	if err == nil && r.Info == nil {
		err = errors.New("it does not say who it is")
	}
	if err != nil {
		return nil, peer.AddrInfo{}, errors.Join(fmt.Errorf("start node %d: %w", c.Index, err), p.kill())
	}
	return p, *r.Info, nil
}

// read hands replies to those who wait for them, until the process has ended.
func (p *process) read(out io.Reader) {
	defer close(p.ended)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var r reply
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			p.cause = fmt.Errorf("read its reply: %w", err)
			_ = p.cmd.Process.Kill()
			break
		}
		p.mu.Lock()
		if w := p.waiting[r.ID]; w != nil {
			w <- r // of size 1
			delete(p.waiting, r.ID)
		} else {
			p.lost--
		}
		p.mu.Unlock()
	}
	_ = p.in.Close()
	if err := p.cmd.Wait(); p.cause == nil {
		p.cause = err
	}
}

func (p *process) call(ctx context.Context, c command) (reply, error) {
	answer := make(chan reply, 1)
	id, err := p.send(c, answer)
	if err != nil {
		return reply{}, err
	}
	select {
	case r := <-answer:
		if r.Error != "" {
			return reply{}, errors.New(r.Error)
		}
		return r, nil
	case <-p.ended:
		return reply{}, errors.Join(fmt.Errorf("process %d has ended", p.pid()), p.cause)
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.waiting[id] != nil {
			delete(p.waiting, id)
			p.lost++
		}
		return reply{}, fmt.Errorf("process %d does not answer: %w", p.pid(), ctx.Err())
	}
}

// send writes the command and returns its id.
func (p *process) send(c command, answer chan reply) (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost >= maxUnanswered {
		return 0, fmt.Errorf("process %d does not answer", p.pid())
	}
	p.last++
	c.ID = p.last
	line, err := json.Marshal(c)
	if err != nil {
		return 0, fmt.Errorf("write command: %w", err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return 0, fmt.Errorf("write command to process %d: %w", p.pid(), err)
	}
	p.waiting[p.last] = answer
	return p.last, nil
}

func (p *process) gone() <-chan struct{} { return p.ended }
func (p *process) pid() int              { return p.cmd.Process.Pid }

// kill is SIGKILL to this process, by its id.
func (p *process) kill() error {
	// It fails if the process has ended already, which is what is wanted.
	_ = p.cmd.Process.Kill()
	<-p.ended
	return nil
}
