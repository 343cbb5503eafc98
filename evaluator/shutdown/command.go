package shutdown

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	maxOutputBytes = 4 << 10
	// commandGrace is what a command gets between SIGTERM and SIGKILL, at most a fifth of its time.
	commandGrace = 2 * time.Second
	// cancelGrace is the same where the context ends before its time.
	cancelGrace = 200 * time.Millisecond
	// pipeDelay is how long the output is waited for once the command has ended, if others hold it open.
	pipeDelay = 100 * time.Millisecond
	// commandPath is the PATH of a command, unless Env says otherwise.
	commandPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// CommandOptions says what to run.
type CommandOptions struct {
	Args []string // the absolute path of an executable file, and its arguments; no shell interprets them
	Dir  string   // absolute path of the working directory; default /
	Env  []string // NAME=VALUE; the command gets these and a PATH, and nothing of this process' environment
}

// NewCommand returns a step that runs a command and succeeds if that exits with 0. Its input is empty; the last 4 KiB of
// what it writes stand in the error if it fails. Shortly before the step's bound its whole process group gets SIGTERM, and
// SIGKILL at the bound; on systems other than Linux the command alone is killed, at the bound. What a command leaves
// behind when it succeeds goes on.
func NewCommand(o CommandOptions) (func(context.Context) error, error) {
	if o.Dir == "" {
		o.Dir = "/"
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("new command step: %w", err)
	}
	args, env := slices.Clone(o.Args), append([]string{commandPath}, o.Env...) // of two values the last counts
	return func(ctx context.Context) error {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("command %s: %w", args[0], err)
		}
		output := &tail{max: maxOutputBytes}
		cmd := exec.Command(args[0], args[1:]...) //nolint:noctx // runGroup obeys ctx, for all processes of the command
		cmd.Dir, cmd.Env = o.Dir, env
		cmd.Stdout, cmd.Stderr = output, output
		cmd.WaitDelay = pipeDelay
		began := time.Now()
		err := runGroup(ctx, cmd)
		if errors.Is(err, exec.ErrWaitDelay) { // it has succeeded, and somebody it started holds its output
			return nil
		}
		if err == nil {
			return nil
		}
		if text := output.String(); text != "" {
			return fmt.Errorf("command %s: after %v: %w: %s", args[0], time.Since(began).Round(time.Millisecond), err, text)
		}
		return fmt.Errorf("command %s: after %v: %w", args[0], time.Since(began).Round(time.Millisecond), err)
	}, nil
}

// check says what is wrong.
func (o CommandOptions) check() error {
	if len(o.Args) == 0 || !filepath.IsAbs(o.Args[0]) {
		return errors.New("Args must begin with the absolute path of an executable file, no shell looks for it")
	}
	for _, s := range slices.Concat(o.Args, o.Env, []string{o.Dir}) {
		if strings.ContainsRune(s, 0) {
			return errors.New("Args, Dir and Env must not contain a NUL byte")
		}
	}
	if info, err := os.Stat(o.Args[0]); err != nil {
		return fmt.Errorf("Args: %w: name an executable file", err)
	} else if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("Args: %s is not an executable file, name another or chmod it", o.Args[0])
	}
	if info, err := os.Stat(o.Dir); err != nil {
		return fmt.Errorf("Dir: %w: name a directory", err)
	} else if !filepath.IsAbs(o.Dir) || !info.IsDir() {
		return fmt.Errorf("Dir: %s must be the absolute path of a directory", o.Dir)
	}
	for i, e := range o.Env {
		if name, _, ok := strings.Cut(e, "="); !ok || name == "" { // the value may be a secret
			return fmt.Errorf("Env: entry %d is not NAME=VALUE", i+1)
		}
	}
	return nil
}
