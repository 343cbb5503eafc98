// Command devnet runs a swarm of real libp2p nodes on loopback, and pulls the levers that break it: nodes die, hang, lie,
// are cut off, become slow or shout.
//
//	devnet up --processes --exec -- bin/chorus_exporter --config.file={config}
//	devnet status
//	devnet freeze 0
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal a second one ends the process the hard way.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, process{args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}))
}

// process is what a run has from its surroundings.
type process struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
}
