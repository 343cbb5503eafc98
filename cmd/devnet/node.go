package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"

	"chorus/probes/p2p/devnet"
)

// addNode adds the command node: one node, by itself or as a part of a swarm with processes.
func addNode(app *kingpin.Application, actions map[string]action) {
	var o devnet.Options
	c := app.Command("node", "Run one node until a signal comes, alone or beside those of --peer. Prints its multiaddr.")
	controlled := c.Flag("controlled", "Obey standard input: how \"up --processes\" runs a node.").Hidden().Bool()
	addSwarmFlags(c, &o)
	actions[c.FullCommand()] = func(ctx context.Context, p process, logger log.Logger) error {
		if *controlled {
			return devnet.RunNode(ctx, devnet.NodeOptions{
				In: p.stdin, Out: p.stdout, Validators: validators(), Logger: logger,
			})
		}
		o.Nodes, o.Validators, o.Logger = 1, validators(), logger
		swarm, err := devnet.Start(ctx, o)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "node 0 %s\n", swarm.Targets()[0])
		if err == nil {
			<-ctx.Done()
		}
		return errors.Join(err, swarm.Stop())
	}
}
