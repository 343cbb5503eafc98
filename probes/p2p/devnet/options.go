package devnet

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-kit/log"
	record "github.com/libp2p/go-libp2p-record"
)

// Defaults of Options.
const (
	DefaultHealthTopic       = "CHORUS/health-test/v1"
	DefaultFleetTopic        = "CHORUS/exporter-fleet/v1"
	DefaultHeartbeatTopic    = "CHORUS/admin/heartbeat/v1"
	DefaultProtocolPrefix    = "/chorus"
	DefaultHeartbeatInterval = time.Second
	DefaultTaskWorkers       = 4
	DefaultTaskQueue         = 256
)

// minInterval is the shortest heartbeat interval: elections should decide, not the scheduler.
const minInterval = 50 * time.Millisecond

// maxNodes bounds a swarm: beyond it one machine measures itself.
const maxNodes = 200

// Options says what a swarm is made of. Only Nodes is required.
type Options struct {
	// Nodes is their number, 1 to 200.
	Nodes int
	// Topics are those that every node subscribes to, and so relays, for exporters; default DefaultHealthTopic and
	// DefaultFleetTopic. The first one is the health-test topic.
	Topics []string
	// HeartbeatTopic carries the leader's heartbeats; default DefaultHeartbeatTopic.
	HeartbeatTopic string
	// HeartbeatInterval is how often the leader sends one; default 1s. A node not heard of for three intervals is dead to
	// the others.
	HeartbeatInterval time.Duration
	// ProtocolPrefix is that of the DHT's protocol; default /chorus.
	ProtocolPrefix string
	// Validators are those of DHT records by namespace, beside pk and ipns, which every node has. In the form with
	// processes it must be empty: Binary brings its own.
	Validators map[string]record.Validator
	// RejectTopics makes every node reject all messages on Topics, as a cluster does whose validators know no exporters.
	RejectTopics bool
	// DHTClients makes every node a client of the DHT: it stores and answers nothing.
	DHTClients bool
	// Seed makes the nodes' identities; the same seed makes the same. Default: a random one.
	Seed string
	// Port is where node 0 listens; node i listens on Port+i. Default 0: free ports. A node keeps its port for life.
	Port int
	// Peers are multiaddrs of loopback nodes outside the swarm that every node keeps a connection to as well.
	Peers []string
	// TaskWorkers is how many tasks a node runs at once; default 4.
	TaskWorkers int
	// TaskQueue is how many tasks wait at a node at most; default 256.
	TaskQueue int
	// Binary is the program that StartProcesses runs as `Binary node --controlled`; it calls RunNode. Start ignores it.
	Binary string
	// Output gets what the processes write to standard error; default: nobody.
	Output io.Writer
	// Logger gets what happens to nodes; default: nobody.
	Logger log.Logger
}

// complete checks o and fills in the defaults.
func (o Options) complete() (Options, error) {
	if o.Nodes < 1 || o.Nodes > maxNodes {
		return o, fmt.Errorf("options: %d nodes: must be 1 to %d", o.Nodes, maxNodes)
	}
	if o.Port < 0 || o.Port > 0 && o.Port+o.Nodes-1 > 65535 {
		return o, fmt.Errorf("options: ports %d to %d: must be 0, or lie within 1 to 65535", o.Port, o.Port+o.Nodes-1)
	}
	for namespace := range maps.Keys(o.Validators) {
		if namespace == "pk" || namespace == "ipns" {
			return o, fmt.Errorf("options: namespace %q: every node has this validator already, leave it out", namespace)
		}
	}
	if _, err := parsePeers(o.Peers); err != nil {
		return o, fmt.Errorf("options: %w", err)
	}
	if len(o.Topics) == 0 {
		o.Topics = []string{DefaultHealthTopic, DefaultFleetTopic}
	}
	o.HeartbeatTopic = cmp.Or(o.HeartbeatTopic, DefaultHeartbeatTopic)
	o.HeartbeatInterval = cmp.Or(o.HeartbeatInterval, DefaultHeartbeatInterval)
	o.ProtocolPrefix = cmp.Or(o.ProtocolPrefix, DefaultProtocolPrefix)
	o.TaskWorkers = cmp.Or(o.TaskWorkers, DefaultTaskWorkers)
	o.TaskQueue = cmp.Or(o.TaskQueue, DefaultTaskQueue)
	o.Seed = cmp.Or(o.Seed, rand.Text())
	if err := o.node(0).check(); err != nil {
		return o, fmt.Errorf("options: %w", err)
	}
	if _, ok := o.Output.(*os.File); !ok {
		o.Output = log.NewSyncWriter(cmp.Or[io.Writer](o.Output, io.Discard)) // a file the processes write to themselves
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	return o, nil
}

// node is the configuration of node i.
func (o Options) node(i int) nodeConfig {
	port := 0
	if o.Port > 0 {
		port = o.Port + i
	}
	return nodeConfig{
		Index:             i,
		Seed:              o.Seed,
		Port:              port,
		Topics:            o.Topics,
		HeartbeatTopic:    o.HeartbeatTopic,
		HeartbeatInterval: o.HeartbeatInterval,
		ProtocolPrefix:    o.ProtocolPrefix,
		TaskWorkers:       o.TaskWorkers,
		TaskQueue:         o.TaskQueue,
		RejectTopics:      o.RejectTopics,
		DHTClients:        o.DHTClients,
	}
}

// nodeConfig is all that a node needs to know at its start. A process gets it as JSON.
type nodeConfig struct {
	Index             int           `json:"index"`
	Seed              string        `json:"seed"`
	Port              int           `json:"port"`
	Topics            []string      `json:"topics"`
	HeartbeatTopic    string        `json:"heartbeat_topic"`
	HeartbeatInterval time.Duration `json:"heartbeat_interval"`
	ProtocolPrefix    string        `json:"protocol_prefix"`
	TaskWorkers       int           `json:"task_workers"`
	TaskQueue         int           `json:"task_queue"`
	RejectTopics      bool          `json:"reject_topics,omitempty"`
	DHTClients        bool          `json:"dht_clients,omitempty"`
	Term              uint64        `json:"term"` // newest that the swarm knows of
}

// check says what a node can't work with.
func (c nodeConfig) check() error {
	if c.HeartbeatInterval < minInterval {
		return fmt.Errorf("heartbeat interval %v: must be at least %v", c.HeartbeatInterval, minInterval)
	}
	if c.TaskWorkers < 1 || c.TaskQueue < 1 {
		return fmt.Errorf("%d task workers and a task queue of %d: must be positive", c.TaskWorkers, c.TaskQueue)
	}
	topics := append(slices.Clone(c.Topics), c.HeartbeatTopic, membersTopic)
	for i, topic := range topics {
		if topic == "" || slices.Contains(topics[:i], topic) {
			return fmt.Errorf("topic %q: must have a name, and one of its own", topic)
		}
	}
	if len(c.Topics) == 0 || !strings.HasPrefix(c.ProtocolPrefix, "/") {
		return fmt.Errorf("topics %q and protocol prefix %q: must not be empty, the prefix begins with a slash",
			c.Topics, c.ProtocolPrefix)
	}
	return nil
}
