package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	grouprun "github.com/oklog/run"

	"chorus/probes/p2p/devnet"
)

// up is the command line of the command up.
type up struct {
	options     devnet.Options
	processes   bool
	control     string
	targetsFile string
	exec        bool
	command     []string
}

func addUp(app *kingpin.Application, actions map[string]action) {
	u := &up{}
	c := app.Command("up", `Run a swarm until a signal comes or the command of --exec ends.

Prints the multiaddr of every node. With --exec it starts a command beside the swarm, such as the exporter, and stops it
first; in its arguments {config} stands for a configuration file of chorus_exporter that names the nodes:

  devnet up --exec -- bin/chorus_exporter --config.file={config}`)
	c.Flag("nodes", "How many nodes.").Default("5").IntVar(&u.options.Nodes)
	c.Flag("processes", "Give each node a process of its own, as freeze needs it.").BoolVar(&u.processes)
	c.Flag("control", "Address, on loopback, where the swarm takes levers. Port 0: a free one.").
		Envar("DEVNET_CONTROL").Default(defaultControl).StringVar(&u.control)
	c.Flag("targets-file", "Write the part of chorus_exporter's configuration that names the nodes to this file.").
		StringVar(&u.targetsFile)
	c.Flag("exec", "Run the command behind -- beside the swarm.").BoolVar(&u.exec)
	c.Arg("command", "The command of --exec.").StringsVar(&u.command)
	addSwarmFlags(c, &u.options)
	actions[c.FullCommand()] = u.run
}

// addSwarmFlags are the flags of all that starts nodes.
func addSwarmFlags(c *kingpin.CmdClause, o *devnet.Options) {
	c.Flag("seed", "What the identities are made from; the same seed makes the same. Default: a random one.").
		StringVar(&o.Seed)
	c.Flag("port", "Port of node 0, the others follow. Default: free ones.").IntVar(&o.Port)
	c.Flag("peer", "Multiaddr, on loopback, of a node of another swarm to stay connected to. Repeatable.").
		StringsVar(&o.Peers)
	c.Flag("topic", "Topic of exporters that the nodes subscribe to, the health-test topic first. Repeatable.").
		Default(devnet.DefaultHealthTopic, devnet.DefaultFleetTopic).StringsVar(&o.Topics)
	c.Flag("heartbeat-topic", "Topic of the leader's heartbeats.").
		Default(devnet.DefaultHeartbeatTopic).StringVar(&o.HeartbeatTopic)
	c.Flag("heartbeat-interval", "How often the leader sends a heartbeat.").
		Default(devnet.DefaultHeartbeatInterval.String()).DurationVar(&o.HeartbeatInterval)
	c.Flag("protocol-prefix", "Prefix of the DHT's protocol.").
		Default(devnet.DefaultProtocolPrefix).StringVar(&o.ProtocolPrefix)
	c.Flag("task-workers", "Tasks that a node runs at once.").
		Default(fmt.Sprint(devnet.DefaultTaskWorkers)).IntVar(&o.TaskWorkers)
	c.Flag("task-queue", "Tasks that wait at a node at most.").
		Default(fmt.Sprint(devnet.DefaultTaskQueue)).IntVar(&o.TaskQueue)
}

func (u *up) run(ctx context.Context, p process, logger log.Logger) (err error) {
	if u.exec != (len(u.command) > 0) {
		return errors.New("--exec and a command behind -- belong together")
	}
	if err := devnet.CheckLoopback(u.control); err != nil {
		return fmt.Errorf("--control: %w", err)
	}
	u.options.Logger, u.options.Output = logger, p.stderr
	swarm, err := u.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, swarm.Stop()) }()
	for i, target := range swarm.Targets() {
		fmt.Fprintf(p.stdout, "node %d %s\n", i, target)
	}
	if u.targetsFile != "" {
		if err := writeConfig(u.targetsFile, config(u.options, swarm.Targets())); err != nil {
			return err
		}
	}
	return u.together(ctx, p, swarm)
}

// start starts the swarm in the form that was asked for. It outlives ctx, so that the command of --exec can end first.
func (u *up) start(ctx context.Context) (*devnet.Swarm, error) {
	starting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel) // a signal while it starts ends that
	start := devnet.Start
	if u.processes {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find the own program: %w", err)
		}
		u.options.Binary = self
		start = devnet.StartProcesses
	} else {
		u.options.Validators = validators()
	}
	swarm, err := start(starting, u.options)
	if err != nil {
		cancel()
		return nil, err
	}
	if !stop() {
		return nil, errors.Join(ctx.Err(), swarm.Stop())
	}
	go func() {
		<-swarm.Done()
		cancel()
	}()
	return swarm, nil
}

// together runs the control and the command of --exec until one of them ends or ctx is done, and returns when all have
// ended.
func (u *up) together(ctx context.Context, p process, swarm *devnet.Swarm) error {
	var group grouprun.Group
	add := func(f func(context.Context) error) {
		ctx, cancel := context.WithCancel(ctx)
		group.Add(func() error { return f(ctx) }, func(error) { cancel() })
	}
	listening := make(chan struct{})
	add(func(ctx context.Context) error {
		return swarm.ServeControl(ctx, u.control, func(addr string) {
			fmt.Fprintf(p.stdout, "control %s\n", addr)
			close(listening)
		})
	})
	if u.exec {
		add(func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return nil
			case <-listening: // or the port is taken, and nothing should start
			}
			return runBeside(ctx, p, u.command, config(u.options, swarm.Targets()))
		})
	}
	return group.Run()
}

// stopAfter is how long the command of --exec has to end.
const stopAfter = 30 * time.Second
