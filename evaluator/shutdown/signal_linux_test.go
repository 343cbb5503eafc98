package shutdown

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a real one to signal, in a directory that everybody may enter.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	exe     string
	pidFile string
}

const nobody = 65534

func startProcess(t *testing.T, how string, as *syscall.Credential) *process {
	t.Helper()
	dir, err := os.MkdirTemp("", "shutdown-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, exe: filepath.Join(dir, "target"), pidFile: filepath.Join(dir, "pid")}
	copyFile(t, "/proc/self/exe", p.exe)
	p.cmd = exec.Command(p.exe)
	p.cmd.Env = []string{asTarget + "=" + how}
	p.cmd.Dir = dir
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		_ = p.cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	p.writePID(fmt.Sprintf("%d\n", p.cmd.Process.Pid))
	return p
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
}

func (p *process) writePID(text string) {
	p.t.Helper()
	if err := os.WriteFile(p.pidFile, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) stop(ctx context.Context, o SignalOptions) error {
	p.t.Helper()
	if o.PIDFile == "" {
		o.PIDFile = p.pidFile
	}
	if o.Executable == "" {
		o.Executable = p.exe
	}
	stop, err := NewSignal(o)
	if err != nil {
		p.t.Fatal(err)
	}
	return stop(ctx)
}

// alive says whether the process still runs; a zombie does not.
func (p *process) alive() bool {
	h, err := holdProcess(p.cmd.Process.Pid)
	if err != nil {
		p.t.Fatal(err) // we have not waited for it, so its number is still its own
	}
	defer h.release()
	return !h.gone()
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestSignalEndsTheProcess(t *testing.T) {
	tests := map[string]struct {
		how    string
		signal syscall.Signal
		before func(p *process, o *SignalOptions)
	}{
		"at once":       {how: "ends"},
		"after a while": {how: "takes its time"},
		"with SIGKILL":  {how: "ignores", signal: syscall.SIGKILL},
		"through a link": {how: "ends", before: func(p *process, o *SignalOptions) {
			o.Executable = p.exe + ".link"
			p.must(os.Symlink(p.exe, o.Executable))
		}},
		"its file is gone":       {how: "ends", before: func(p *process, _ *SignalOptions) { p.must(os.Remove(p.exe)) }},
		"its file is another":    {how: "ends", before: func(p *process, _ *SignalOptions) { p.must(os.Remove(p.exe)); copyFile(p.t, "/bin/sh", p.exe) }},
		"the path is not clean":  {how: "ends", before: func(p *process, o *SignalOptions) { o.Executable = filepath.Dir(p.exe) + "/./target" }},
		"no newline in the file": {how: "ends", before: func(p *process, _ *SignalOptions) { p.writePID(fmt.Sprint(p.cmd.Process.Pid)) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := startProcess(t, tt.how, nil)
			o := SignalOptions{Signal: tt.signal}
			if tt.before != nil {
				tt.before(p, &o)
			}
			if err := p.stop(patient(t), o); err != nil {
				t.Error(err)
			}
			if p.alive() {
				t.Error("the step is done and the process lives")
			}
			if err := p.stop(patient(t), o); err != nil { // a zombie
				t.Errorf("the process has gone before: %v", err)
			}
			_ = p.cmd.Wait()
			if err := p.stop(patient(t), o); err != nil { // nothing, or somebody else
				if !strings.Contains(err.Error(), "runs") {
					t.Errorf("the process has gone before: %v", err)
				}
			}
		})
	}
}

func (p *process) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func TestSignalIsIgnored(t *testing.T) {
	p := startProcess(t, "ignores", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := p.stop(ctx, SignalOptions{})
	want := fmt.Sprintf("signal the process of %s: process %d has not gone after SIGTERM: context deadline exceeded", p.pidFile, p.cmd.Process.Pid)
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != want || !p.alive() {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := p.stop(ctx, SignalOptions{Signal: syscall.SIGKILL}); !errors.Is(err, context.DeadlineExceeded) || !p.alive() {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// Nothing is signalled that is not what was configured.
func TestSignalSparesOthers(t *testing.T) {
	p := startProcess(t, "ends", nil)
	tests := map[string]struct {
		text   string
		before func(o *SignalOptions)
		want   string
	}{
		"no file":          {before: func(o *SignalOptions) { o.PIDFile = p.pidFile + ".none" }, want: "no such file or directory"},
		"a directory":      {before: func(o *SignalOptions) { o.PIDFile = filepath.Dir(p.exe) }, want: "the pid file is not a regular file"},
		"a named pipe":     {before: func(o *SignalOptions) { o.PIDFile = p.pidFile + ".pipe"; p.must(syscall.Mkfifo(o.PIDFile, 0o600)) }, want: "the pid file is not a regular file"},
		"a link":           {before: func(o *SignalOptions) { o.PIDFile = p.pidFile + ".link"; p.must(os.Symlink(p.pidFile, o.PIDFile)) }, want: "the pid file is a symbolic link, name what it leads to"},
		"empty":            {text: "\n", want: `the pid file holds "\n", want the number of a process and nothing else`},
		"text":             {text: "12a", want: `the pid file holds "12a", want the number of a process and nothing else`},
		"two numbers":      {text: "123\n456\n", want: `the pid file holds "123\n456\n", want the number of a process and nothing else`},
		"negative":         {text: "-7", want: `the pid file holds "-7", want the number of a process and nothing else`},
		"huge file":        {text: strings.Repeat("1", 1<<20), want: `want the number of a process and nothing else`},
		"huge number":      {text: "99999999999", want: "the pid file holds 99999999999, which is not a process number"},
		"everybody":        {text: "0", want: "the pid file holds 0, which must not be signalled"},
		"init":             {text: "1", want: "the pid file holds 1, which must not be signalled"},
		"this process":     {text: fmt.Sprint(os.Getpid()), want: "which is this process"},
		"our parent":       {text: fmt.Sprint(os.Getppid()), want: "which is the parent of this process"},
		"another program":  {before: func(o *SignalOptions) { o.Executable = "/bin/none" }, want: "and not /bin/none: the pid file is old, or Executable is wrong"},
		"everybody writes": {before: func(*SignalOptions) { p.must(os.Chmod(p.pidFile, 0o666)) }, want: "everybody may write the pid file: chmod o-w"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p.t = t
			p.writePID(fmt.Sprintln(p.cmd.Process.Pid))
			if tt.text != "" {
				p.writePID(tt.text)
			}
			var o SignalOptions
			if tt.before != nil {
				tt.before(&o)
			}
			if err := p.stop(patient(t), o); err == nil || !strings.HasSuffix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if !p.alive() {
				t.Fatal("the process has gone")
			}
			p.must(os.Chmod(p.pidFile, 0o644))
		})
	}
}

// A pid file speaks for its owner's processes, unless it is root's or ours.
func TestSignalAsksWhoseFileItIs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	for owner, want := range map[int]string{0: "", nobody: "", 12345: "is user 65534's and the pid file user 12345's, who has no say over it: chown the file to root"} {
		p := startProcess(t, "ends", &syscall.Credential{Uid: nobody, Gid: nobody})
		p.must(os.Chown(p.pidFile, owner, owner))
		err := p.stop(patient(t), SignalOptions{})
		if (err == nil) != (want == "") || err != nil && !strings.HasSuffix(err.Error(), want) {
			t.Errorf("a pid file of user %d: got %v, want %s", owner, err, want)
		}
		if p.alive() != (want != "") {
			t.Errorf("a pid file of user %d: alive is %v", owner, p.alive())
		}
	}
}

func TestFaultsOfSignal(t *testing.T) {
	for _, tt := range []struct {
		options SignalOptions
		want    string
	}{
		{SignalOptions{}, "PIDFile must be an absolute path"},
		{SignalOptions{PIDFile: "x.pid", Executable: "/bin/x"}, "PIDFile must be an absolute path"},
		{SignalOptions{PIDFile: "/x.pid"}, "Executable must be the absolute path of the program that the process runs, as ls -l /proc/PID/exe shows it"},
		{SignalOptions{PIDFile: "/x.pid", Executable: "x"}, "Executable must be the absolute path of the program that the process runs, as ls -l /proc/PID/exe shows it"},
		{SignalOptions{PIDFile: "/x.pid", Executable: "/x", Signal: syscall.SIGSTOP}, "Signal 19 (stopped (signal)) ends no process: choose from SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGKILL and the like"},
		{SignalOptions{PIDFile: "/x.pid", Executable: "/x", Signal: 65}, "Signal 65 (signal 65) ends no process: choose from SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGKILL and the like"},
		{SignalOptions{PIDFile: "/x.pid", Executable: "/x", Signal: -1}, "Signal -1 (signal -1) ends no process: choose from SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGKILL and the like"},
	} {
		stop, err := NewSignal(tt.options)
		if want := "new signal step: " + tt.want; stop != nil || err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func FuzzParsePID(f *testing.F) {
	for _, s := range []string{"1", "12\n", "-1", "0x10", " 7 ", "99999999999", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if pid, err := parsePID(text); err == nil && (pid <= 1 || pid == os.Getpid() || pid == os.Getppid()) {
			t.Errorf("%q gives %d", text, pid)
		}
	})
}
