package shutdown

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// shell is a command step that runs a script, with DIR for a directory of its own.
func shell(t *testing.T, script string) (stop func(context.Context) error, dir string) {
	t.Helper()
	dir = t.TempDir()
	stop, err := NewCommand(CommandOptions{Args: []string{"/bin/sh", "-c", script}, Dir: dir, Env: []string{"A=1", "DIR=" + dir}})
	if err != nil {
		t.Fatal(err)
	}
	return stop, dir
}

func TestCommand(t *testing.T) {
	t.Setenv("OF_THIS_PROCESS", "1")
	tests := map[string]struct {
		script string
		want   string // the error, as a regular expression; "" is none
	}{
		"succeeds":      {`echo fine`, ``},
		"environment":   {`test "$(env | grep -v -e ^_= -e ^PWD= -e ^SHLVL= -e ^OLDPWD= | cut -d= -f1 | sort | tr '\n' ' ')" = "A DIR PATH "`, ``},
		"directory":     {`test "$(pwd)" = "$DIR"`, ``},
		"empty input":   {`test -z "$(cat)"`, ``},
		"fails":         {`echo out; echo err >&2; exit 3`, `^command /bin/sh: after \S+: exit status 3: out\nerr$`},
		"says too much": {`head -c 100000 /dev/zero | tr '\0' x; echo end; exit 1`, `: exit status 1: …x{1000}x+end$`},
		"is killed":     {`kill -KILL $$`, `: signal: killed$`},
		"leaves others": {`sleep 60 & echo $! >left; exit 0`, ``},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stop, dir := shell(t, tt.script)
			err := stop(t.Context())
			if (err != nil) != (tt.want != "") || err != nil && !regexp.MustCompile(tt.want).MatchString(err.Error()) {
				t.Errorf("got %.300v, want %s", err, tt.want)
			}
			if name == "leaves others" {
				p := hold(t, filepath.Join(dir, "left"))
				if p.gone() {
					t.Error("what it left behind was killed")
				}
				p.end(t)
			}
		})
	}
}

// hold gets hold of the process whose number a file holds, as soon as it does.
func hold(t *testing.T, file string) *held {
	t.Helper()
	var text []byte
	for end := time.Now().Add(30 * time.Second); len(text) == 0 || text[len(text)-1] != '\n'; text, _ = os.ReadFile(file) {
		if time.Now().After(end) {
			t.Fatalf("no number in %s", file)
		}
		time.Sleep(10 * time.Millisecond)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := holdProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.release)
	return p
}

// end kills it.
func (p *held) end(t *testing.T) {
	t.Helper()
	if err := p.signal(9); err != nil && !p.gone() {
		t.Error(err)
	}
	p.wantGone(t)
}

func (p *held) wantGone(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := p.wait(ctx); err != nil {
		t.Errorf("it has not gone: %v", err)
	}
}

// At the bound everything that the command has started goes with it, whether it obeys or not.
func TestCommandAtItsBound(t *testing.T) {
	tests := map[string]struct {
		script string
		want   string
	}{
		"obeys":            {`echo begun; sleep 60 & echo $! >child; wait`, `ended with SIGTERM: context deadline exceeded: begun`},
		"cleans up":        {`trap 'echo bye; exit 0' TERM; sleep 60 & echo $! >child; wait`, `ended with SIGTERM: context deadline exceeded: bye`},
		"cleans up, fails": {`trap 'exit 4' TERM; sleep 60 & echo $! >child; wait`, `ended with SIGTERM: context deadline exceeded; exit status 4`},
		"ignores":          {`trap '' TERM; sleep 60 & echo $! >child; while :; do wait; done`, `ended with SIGKILL: context deadline exceeded`},
		"child ignores":    {`(trap '' TERM; exec sleep 60) & echo $! >child; wait`, `ended with SIGTERM: context deadline exceeded`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stop, dir := shell(t, tt.script)
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- stop(ctx) }()
			child := hold(t, filepath.Join(dir, "child"))
			err := <-ended
			if !errors.Is(err, context.DeadlineExceeded) || !strings.HasSuffix(err.Error(), ": "+tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			child.wantGone(t)
		})
	}
}

func TestCommandIsCanceled(t *testing.T) {
	stop, dir := shell(t, `trap '' TERM; sleep 60 & echo $! >child; while :; do wait; done`)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- stop(ctx) }()
	child := hold(t, filepath.Join(dir, "child"))
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	child.wantGone(t)
	if err := stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// One that leaves the group and keeps the output open holds up nobody.
func TestCommandWithDaemon(t *testing.T) {
	stop, dir := shell(t, `setsid sh -c 'echo $$ >daemon; exec sleep 60' & while ! test -s daemon; do sleep 0.01; done; exit 7`)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := stop(ctx)
	p := hold(t, filepath.Join(dir, "daemon"))
	p.end(t)
	if err == nil || !strings.HasSuffix(err.Error(), ": exit status 7") || ctx.Err() != nil {
		t.Errorf("got %v", err)
	}
}

func TestFaultsOfCommand(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	sh := []string{"/bin/sh"}
	for _, tt := range []struct {
		options CommandOptions
		want    string
	}{
		{CommandOptions{}, "Args must begin with the absolute path of an executable file, no shell looks for it"},
		{CommandOptions{Args: []string{"sh"}}, "Args must begin with the absolute path of an executable file, no shell looks for it"},
		{CommandOptions{Args: []string{"/bin/sh", "a\x00b"}}, "Args, Dir and Env must not contain a NUL byte"},
		{CommandOptions{Args: []string{dir + "/none"}}, "Args: stat " + dir + "/none: no such file or directory: name an executable file"},
		{CommandOptions{Args: []string{plain}}, "Args: " + plain + " is not an executable file, name another or chmod it"},
		{CommandOptions{Args: []string{dir}}, "Args: " + dir + " is not an executable file, name another or chmod it"},
		{CommandOptions{Args: sh, Dir: dir + "/none"}, "Dir: stat " + dir + "/none: no such file or directory: name a directory"},
		{CommandOptions{Args: sh, Dir: plain}, "Dir: " + plain + " must be the absolute path of a directory"},
		{CommandOptions{Args: sh, Dir: "."}, "Dir: . must be the absolute path of a directory"},
		{CommandOptions{Args: sh, Env: []string{"A=1", "secret"}}, "Env: entry 2 is not NAME=VALUE"},
	} {
		stop, err := NewCommand(tt.options)
		if want := "new command step: " + tt.want; stop != nil || err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
