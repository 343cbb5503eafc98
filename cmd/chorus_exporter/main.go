// Command chorus_exporter runs health probes, judges what they and its collectors measure by Prometheus rules, and
// serves the verdict over HTTP.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	os.Exit(run(context.Background(), process{
		args:    os.Args[1:],
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		signals: signals,
	}))
}
