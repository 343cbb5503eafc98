package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"chorus/probes/p2p/devnet"
)

// TestMain is also the program itself: "up --processes" starts the test binary.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "node" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// running is the program with its standard output.
type running struct {
	t      *testing.T
	lines  *bufio.Scanner
	signal context.CancelFunc
	code   chan int
	errors bytes.Buffer
}

func runProgram(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	out, in := io.Pipe()
	r := &running{t: t, lines: bufio.NewScanner(out), signal: cancel, code: make(chan int, 1)}
	go func() {
		code := run(ctx, process{args: args, stdin: strings.NewReader(""), stdout: in, stderr: &r.errors})
		in.Close()
		r.code <- code
	}()
	return r
}

// line is the next line of output that begins with prefix, without it.
func (r *running) line(prefix string) string {
	r.t.Helper()
	for r.lines.Scan() {
		if rest, ok := strings.CutPrefix(r.lines.Text(), prefix); ok {
			return rest
		}
	}
	r.t.Fatalf("ended with %d and never said %q: %s", <-r.code, prefix, &r.errors)
	return ""
}

// end waits for the exit code, dropping what is still said.
func (r *running) end(want int) {
	r.t.Helper()
	for r.lines.Scan() {
	}
	if code := <-r.code; code != want {
		r.t.Errorf("exit code %d, want %d: %s", code, want, &r.errors)
	}
}

// do runs a command to its end and returns what it wrote.
func do(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), process{args: args, stdin: strings.NewReader(""), stdout: &out, stderr: &errs})
	if code != want {
		t.Errorf("%v: exit code %d, want %d: %s", args, code, want, &errs)
	}
	return out.String(), errs.String()
}

func TestUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "targets.yml")
	up := runProgram(t, "up", "--nodes=3", "--control=127.0.0.1:0", "--heartbeat-interval=300ms", "--targets-file="+file)
	first := up.line("node 0 ")
	control := "--control=" + up.line("control ")
	checkConfig(t, file, 3, first)

	do(t, exitOK, "slow", "1", "20ms", control)
	do(t, exitOK, "corrupt", "1", control)
	do(t, exitOK, "flood", "1", "10", control)
	do(t, exitOK, "tasks", "1", "3", "--work=1h", "--fail-every=2", control)
	do(t, exitOK, "kill", "2", control)
	do(t, exitOK, "cut", "0", "1", control)
	out, _ := do(t, exitOK, "status", "--json", control)
	var nodes []devnet.NodeStatus
	if err := json.Unmarshal([]byte(out), &nodes); err != nil {
		t.Fatal(err)
	}
	if r := nodes[1].Report; nodes[2].State != devnet.StateDead || r == nil || !r.Corrupt || r.Flood != 10 ||
		r.Delay != 20*time.Millisecond || nodes[0].Group == nodes[1].Group || nodes[0].Addr != first {
		t.Errorf("status: %s", out)
	}
	do(t, exitOK, "heal", control)
	do(t, exitOK, "revive", "2", control)
	do(t, exitOK, "corrupt", "1", "--off", control)
	out, _ = do(t, exitOK, "status", control)
	if !regexp.MustCompile(`(?m)^1 +up .* slow 20ms, flood 10 `).MatchString(out) {
		t.Errorf("status:\n%s", out)
	}
	if _, errs := do(t, exitError, "freeze", "1", control); !strings.Contains(errs, "start with processes") {
		t.Errorf("freeze says %s", errs)
	}
	up.signal()
	up.end(exitOK)
}

// checkConfig checks what was written for chorus_exporter.
func checkConfig(t *testing.T, file string, nodes int, first string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		P2P struct {
			Targets  []string `yaml:"targets"`
			MinPeers int      `yaml:"min_peers"`
		} `yaml:"p2p"`
		Election map[string]any `yaml:"election"`
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		t.Fatal(err)
	}
	if len(c.P2P.Targets) != nodes || c.P2P.Targets[0] != first || c.P2P.MinPeers != min(nodes, 3) || c.Election == nil {
		t.Errorf("configuration:\n%s", data)
	}
}

func TestConfigOfAnUnusualSwarm(t *testing.T) {
	o := devnet.Options{Topics: []string{"a/b"}, HeartbeatTopic: "c: d", ProtocolPrefix: "/other"}
	want := `# Written by devnet. The nodes keep these addresses while it runs.
p2p:
  min_peers: 1
  targets:
    - /ip4/127.0.0.1/tcp/1/p2p/x
  pubsub:
    topic: "a/b"
  dht:
    protocol_prefix: "/other"
election:
  topic: "c: d"
`
	if got := config(o, []string{"/ip4/127.0.0.1/tcp/1/p2p/x"}); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestExec(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs a shell")
	}
	start := func(t *testing.T, script string, args ...string) (*running, string) {
		dir := t.TempDir()
		t.Setenv("TMPDIR", dir)
		args = append([]string{"up", "--nodes=2", "--control=127.0.0.1:0", "--exec"}, args...)
		return runProgram(t, append(args, "--", shell, "-c", script, "--config.file={config}")...), dir
	}
	empty := func(t *testing.T, dir string) {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
	t.Run("ends with a signal, the command first", func(t *testing.T) {
		up, dir := start(t, `trap 'echo bye; exit 0' TERM; echo "config ${0#--config.file=}"; while :; do sleep 0.1; done`,
			"--processes")
		first := up.line("node 0 ")
		checkConfig(t, up.line("config "), 2, first)
		up.signal()
		up.line("bye")
		up.end(exitOK)
		empty(t, dir)
	})
	t.Run("ends with the command, and with its code", func(t *testing.T) {
		up, dir := start(t, "exit 7")
		up.end(7)
		empty(t, dir)
	})
	t.Run("a command that can't be run", func(t *testing.T) {
		up := runProgram(t, "up", "--nodes=1", "--control=127.0.0.1:0", "--exec", "--", "/nowhere")
		up.end(exitError)
	})
}

func TestNode(t *testing.T) {
	first := runProgram(t, "node", "--seed=a", "--heartbeat-interval=300ms")
	addr := first.line("node 0 ")
	second := runProgram(t, "node", "--seed=b", "--heartbeat-interval=300ms", "--peer="+addr)
	if other := second.line("node 0 "); other == addr {
		t.Errorf("both are %s", other)
	}
	for _, r := range []*running{first, second} {
		r.signal()
		r.end(exitOK)
	}
}

func TestCommandLine(t *testing.T) {
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"help":                 {[]string{"--help"}, exitOK, ""},
		"help of a command":    {[]string{"cut", "--help"}, exitOK, ""},
		"version":              {[]string{"--version"}, exitOK, ""},
		"nothing":              {nil, exitOK, ""}, // the help
		"unknown":              {[]string{"explode"}, exitUsage, "explode"},
		"no node":              {[]string{"kill"}, exitUsage, "node"},
		"no groups":            {[]string{"cut", "1,b"}, exitUsage, "commas"},
		"no delay":             {[]string{"slow", "1", "soon"}, exitUsage, "soon"},
		"nodes":                {[]string{"up", "--nodes=0"}, exitError, "must be 1 to"},
		"control elsewhere":    {[]string{"up", "--control=0.0.0.0:1"}, exitError, "must be on loopback"},
		"levers elsewhere":     {[]string{"heal", "--control=192.0.2.1:1"}, exitError, "must be on loopback"},
		"exec of nothing":      {[]string{"up", "--exec"}, exitError, "belong together"},
		"command without exec": {[]string{"up", "--", "true"}, exitError, "belong together"},
		"nobody there":         {[]string{"status", "--control=127.0.0.1:1"}, exitError, "running?"},
		"file nowhere": {
			[]string{"up", "--nodes=1", "--control=127.0.0.1:0", "--targets-file=/nowhere/x"}, exitError, "write configuration",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, errs := do(t, test.code, test.args...); !strings.Contains(errs, test.says) {
				t.Errorf("says %q, want %q in it", errs, test.says)
			}
		})
	}
}
