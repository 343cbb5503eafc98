package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-kit/log"
	"go.yaml.in/yaml/v3"
)

// Every configuration that is installed is one that the exporter takes, and what the kubelet waits for is longer than the
// exporter needs to stop.
func TestDeployedConfigs(t *testing.T) {
	for dir, workload := range map[string]string{
		"daemonset": "daemonset.yaml", "deployment": "deployment.yaml", "sidecar": "statefulset.yaml",
	} {
		t.Run(dir, func(t *testing.T) {
			dir := filepath.Join("../../deploy/kubernetes", dir)
			p, err := prepare(filepath.Join(dir, "chorus.yml"), nil, log.NewNopLogger())
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(filepath.Join(dir, workload))
			if err != nil {
				t.Fatal(err)
			}
			var manifest struct {
				Spec struct {
					Template struct {
						Spec struct {
							Grace int `yaml:"terminationGracePeriodSeconds"`
						}
					}
				}
			}
			if err := yaml.Unmarshal(data, &manifest); err != nil {
				t.Fatalf("%s: %v", workload, err)
			}
			stop := time.Duration(p.config.Shutdown.Timeout)
			if grace := time.Duration(manifest.Spec.Template.Spec.Grace) * time.Second; stop == 0 || grace <= stop {
				t.Errorf("terminationGracePeriodSeconds is %v and shutdown.timeout %v, want a longer grace", grace, stop)
			}
		})
	}
}

// The packaged exporter watches the machine: neither the unit nor what may be laid over it limits what its resources are
// measured against.
func TestUnitShowsTheMachine(t *testing.T) {
	files, err := filepath.Glob("../../deploy/systemd/*")
	if err != nil || len(files) < 2 {
		t.Fatalf("found %q (%v), want the unit and what may be laid over it", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			switch key, _, _ := strings.Cut(strings.TrimSpace(line), "="); key {
			case "MemoryMax", "MemoryLimit", "CPUQuota", "Slice":
				t.Errorf("%s: %s would be measured in the machine's place", file, strings.TrimSpace(line))
			}
		}
	}
}

// The service manager is told when the process is ready, with every evaluation, and when it stops; while evaluations do
// not finish its watchdog is not fed.
func TestSystemdNotify(t *testing.T) {
	socket := filepath.Join(shortDir(t), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	messages := make(chan string, 1000)
	go func() {
		defer close(messages)
		for buf := make([]byte, 4096); ; {
			n, err := conn.Read(buf)
			if err != nil {
				return // closed
			}
			messages <- string(buf[:n])
		}
	}()
	t.Setenv("NOTIFY_SOCKET", socket)
	c := start(t, "--config.file="+write(t, "c.yml", "evaluation_interval: 100ms\nshutdown: {drain_delay: 1s}\n"))
	await := func(line string) string {
		t.Helper()
		timeout := time.After(patience)
		for {
			select {
			case m := <-messages:
				if strings.Contains("\n"+m+"\n", "\n"+line+"\n") {
					return m
				}
			case <-timeout:
				t.Fatalf("the service manager was not told %s", line)
			}
		}
	}
	await("READY=1")
	for range 5 {
		await("WATCHDOG=1")
	}
	c.signal(syscall.SIGSTOP)
	time.Sleep(300 * time.Millisecond)
	for len(messages) > 0 {
		<-messages
	}
	time.Sleep(time.Second)
	if n := len(messages); n > 0 {
		t.Errorf("%d messages of a process that hangs, want none", n)
	}
	c.signal(syscall.SIGCONT)
	await("WATCHDOG=1")
	c.signal(syscall.SIGTERM)
	if m := await("STOPPING=1"); !strings.Contains(m, "STATUS=") {
		t.Errorf("the message %q tells no status", m)
	}
	if code := c.exit(); code != exitOK {
		t.Errorf("exit code %d, want %d", code, exitOK)
	}
}

// shortDir is a folder whose path leaves room for the name of a socket, 108 bytes in all.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "chorus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
