package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"

	"chorus/probes/p2p/devnet"
)

// addLevers adds the commands that talk to a running swarm.
func addLevers(app *kingpin.Application, actions map[string]action) {
	add := func(name, help string, l *devnet.Lever) *kingpin.CmdClause {
		c := app.Command(name, help)
		addr := controlFlag(c)
		l.Name = name
		actions[c.FullCommand()] = func(ctx context.Context, _ process, _ log.Logger) error {
			return pull(ctx, *addr, *l)
		}
		return c
	}
	ofNode := func(name, help string, l *devnet.Lever) *kingpin.CmdClause {
		c := add(name, help, l)
		c.Arg("node", "Number of the node.").Required().IntVar(&l.Node)
		return c
	}
	ofNode("kill", "End a node at once.", &devnet.Lever{})
	ofNode("revive", "Start a dead node again, with the identity and the port it had.", &devnet.Lever{})
	ofNode("freeze", "Stop a node's process: its connections stay and nothing answers. Needs up --processes.", &devnet.Lever{})
	ofNode("thaw", "Let a frozen node go on.", &devnet.Lever{})

	cut := &devnet.Lever{}
	add("cut", "Part the swarm: nodes talk within their group alone. \"cut 1,2\" parts 1 and 2 from all others.", cut).
		Arg("groups", "Nodes separated by commas; groups separated by spaces. The rest is a group of its own.").
		Required().SetValue((*groupList)(&cut.Groups))
	add("heal", "End a partition.", &devnet.Lever{})

	slow := &devnet.Lever{}
	ofNode("slow", "Make all that a node sends leave later.", slow).
		Arg("delay", "By how much, such as 500ms; 0s: no longer.").Required().DurationVar(&slow.Delay)
	corrupt := &devnet.Lever{}
	ofNode("corrupt", "Make a node answer GETs of the DHT with another value than it was given.", corrupt).
		Flag("off", "No longer.").BoolVar(&corrupt.Off)
	flood := &devnet.Lever{}
	ofNode("flood", "Make a node send junk on the health and heartbeat topics.", flood).
		Arg("rate", "Messages a second, at most 200000; those over 1000 go to listeners from outside. 0: no longer.").
		Required().IntVar(&flood.Rate)
	tasks := &devnet.Lever{}
	c := ofNode("tasks", "Submit tasks to a node's queue.", tasks)
	c.Arg("count", "How many.").Required().IntVar(&tasks.Load.Count)
	c.Flag("work", "How long each takes.").Default("100ms").DurationVar(&tasks.Load.Work)
	c.Flag("fail-every", "Every so many fails; 0: none.").IntVar(&tasks.Load.FailEvery)

	c = app.Command("status", "Show how the nodes are.")
	statusAddr, asJSON := controlFlag(c), c.Flag("json", "As JSON, with all fields.").Bool()
	actions[c.FullCommand()] = func(ctx context.Context, p process, _ log.Logger) error {
		nodes, err := status(ctx, *statusAddr)
		if err != nil {
			return err
		}
		if *asJSON {
			e := json.NewEncoder(p.stdout)
			e.SetIndent("", "  ")
			return e.Encode(nodes)
		}
		return printStatus(p.stdout, nodes)
	}
}

func controlFlag(c *kingpin.CmdClause) *string {
	return c.Flag("control", "Where the swarm takes levers: --control of up.").
		Envar("DEVNET_CONTROL").Default(defaultControl).String()
}

// groupList reads groups of nodes: numbers separated by commas, a group an argument.
type groupList [][]int

// Set adds a group.
func (g *groupList) Set(text string) error {
	var group []int
	for part := range strings.SplitSeq(text, ",") {
		i, err := strconv.Atoi(part)
		if err != nil {
			return fmt.Errorf("group %q: must be numbers of nodes with commas between them", text)
		}
		group = append(group, i)
	}
	*g = append(*g, group)
	return nil
}

func (g *groupList) String() string { return fmt.Sprint([][]int(*g)) }

// IsCumulative lets it take many arguments.
func (*groupList) IsCumulative() bool { return true }
