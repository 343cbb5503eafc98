//go:build e2e

package main

import (
	"context"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestGRPCHealthProbe asks with the program that images without a kubelet of their own use for it: 0 is SERVING, 4 is any
// other answer, 3 is an error of the call, such as NOT_FOUND.
func TestGRPCHealthProbe(t *testing.T) {
	program := tool(t, "grpc-health-probe")
	c := startGRPC(t, "--config.file="+write(t, "c.yml", "shutdown: {drain_delay: 20s, timeout: 25s}\n"+
		"resources: {cpu: 0.99, memory: 0.99, disk: 0.99}\n"))
	c.eventuallySays("SERVING", "SERVING")
	ask := func(service string, code int, word string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, "-addr="+c.address, "-connect-timeout=5s", "-rpc-timeout=5s", "-service="+service)
		out, _ := cmd.CombinedOutput() // the exit code says it
		if got := cmd.ProcessState.ExitCode(); got != code || !strings.Contains(string(out), word) {
			t.Errorf("service %q: exit code %d, want %d and %s in:\n%s", service, got, code, word, out)
		}
	}
	for _, service := range []string{"", "readiness", "liveness"} {
		ask(service, 0, "SERVING")
	}
	ask("nobody", 3, "unknown service")
	c.signal(syscall.SIGTERM)
	c.eventuallySays("NOT_SERVING", "NOT_SERVING")
	for _, service := range []string{"", "readiness", "liveness"} {
		ask(service, 4, "NOT_SERVING")
	}
}
