package main

import (
	"github.com/prometheus/common/model"
)

// P2P says which libp2p cluster to join, and how it is probed. It is configured as soon as it has targets.
type P2P struct {
	// The nodes, as multiaddrs that end in `/p2p/` and the peer id; messages go from the first half to the rest.
	Targets []string `yaml:"targets,omitempty"`
	// Key of our peer ids; the first start writes it, for its owner alone. Default: none: new peer ids with every start.
	IdentityFile string `yaml:"identity_file,omitempty"`
	// Key of a private network, as IPFS' `swarm.key`; closed to others.
	PSKFile string `yaml:"psk_file,omitempty"`
	// Addresses `/udp/PORT/quic-v1` too; not in a private network.
	QUIC bool `yaml:"quic,omitempty"`
	// Peer ids that DHT lookups may dial beside the targets.
	AllowPeers []string `yaml:"allow_peers,omitempty"`
	// Networks in which DHT lookups may dial others than the targets.
	AllowCIDRs []string `yaml:"allow_cidrs,omitempty"`
	// Nodes that must be connected; not more than there are targets.
	MinPeers int `yaml:"min_peers,omitempty"`
	// How connections to nodes are tested.
	Ping Ping `yaml:"ping,omitempty"`
	// How messages are sent through the cluster.
	Pubsub Pubsub `yaml:"pubsub,omitempty"`
	// Where and how values are put.
	DHT DHT `yaml:"dht,omitempty"`
	// What nodes must hold, and how many of them.
	Replication Replication `yaml:"replication,omitempty"`
	// libp2p's own metrics in `/metrics` too, see [p2p.md](p2p.md#libp2ps-own-metrics); rules do not see them.
	NativeMetrics bool `yaml:"native_metrics,omitempty"`
}

// Ping says how connections to cluster nodes are tested.
type Ping struct {
	// Time between pings to a node.
	Interval model.Duration `yaml:"interval"`
	// How long a node may take to answer one.
	Timeout model.Duration `yaml:"timeout"`
	// Unanswered pings in a row after which the connection is made again.
	MaxFailures int `yaml:"max_failures"`
}

// Pubsub says how messages are sent through the cluster.
type Pubsub struct {
	// Topic of the probe's messages; at least one node must be on it.
	Topic string `yaml:"topic"`
	// `relayed`: one of our hosts to another through nodes; `answered`: other exporters answer; `auto`: the first, else
	// the second.
	Mode string `yaml:"mode"`
	// How long a message may take; a run also ends a second before its check's timeout. Under `3s`, the time that the
	// mesh takes to form, runs fail after every reconnect; a warning says so.
	Wait model.Duration `yaml:"wait"`
	// Peer ids of the other exporters' receiving hosts, `gossip-b`; for `answered`.
	Exporters []string `yaml:"exporters,omitempty"`
}

// DHT says where and how values are put.
type DHT struct {
	// What stands before `/kad/1.0.0` in the nodes' protocol.
	ProtocolPrefix string `yaml:"protocol_prefix"`
	// `health` needs a validator of ours in the nodes, `ipns` one that most have.
	Namespace string `yaml:"namespace"`
	// How many nodes hold a value; must be the cluster's k.
	BucketSize int `yaml:"bucket_size"`
	// Nodes that must hold the probe's value for a run to pass.
	MinHolders int `yaml:"min_holders"`
}

// Replication says what nodes must hold, and how many of them.
type Replication struct {
	// Nodes that must hold every watched key, the probe's own record included.
	MinHolders int `yaml:"min_holders"`
	// What else to watch, at most 32. Each has a `key` or a `cid`.
	Keys []ReplicationKey `yaml:"keys,omitempty"`
}

// ReplicationKey is something in the DHT that is watched.
type ReplicationKey struct {
	// What metrics call it; letters, digits, `.`, `_`, `-`. Default: required.
	Name string `yaml:"name"`
	// The key of a value, such as `/app/config`.
	Key string `yaml:"key,omitempty"`
	// Or the CID of content, whose provider records are counted.
	CID string `yaml:"cid,omitempty"`
}

// Election says where leaders send their heartbeats, and who is believed. It is configured as soon as a file has the key.
type Election struct {
	// Topic of the heartbeats; not that of the probe.
	Topic string `yaml:"topic,omitempty"`
	// Without a heartbeat for so long, by our clock, there is no leader.
	HeartbeatTimeout model.Duration `yaml:"heartbeat_timeout,omitempty"`
	// How far the clock of a leader may be from ours.
	MaxSkew model.Duration `yaml:"max_skew,omitempty"`
	// Who may lead beside the targets; nobody else is believed.
	Allow []ElectionNode `yaml:"allow,omitempty"`
	// The names that the fields of a heartbeat have. A field within another object is written with dots, as in
	// `data.term`.
	Fields HeartbeatFields `yaml:"fields,omitempty"`
}

// ElectionNode is a node that may lead.
type ElectionNode struct {
	// Its peer id. Default: required.
	Peer string `yaml:"peer"`
	// What metrics call it. Default: the peer id.
	Name string `yaml:"name,omitempty"`
}

// HeartbeatFields are the names that the fields of a heartbeat have; "-" for one that is not sent.
type HeartbeatFields struct {
	// Field with the sender's peer id or name; `-`: it is not sent. Default: `node_id`.
	NodeID string `yaml:"node_id,omitempty"`
	// Field with the term, a whole number; `-`: it is not sent. Default: `term`.
	Term string `yaml:"term,omitempty"`
	// Field with the uptime, text such as `24h0m0s` or a number; `-`: it is not sent. Default: `uptime`.
	Uptime string `yaml:"uptime,omitempty"`
	// Field with the time of sending, text by RFC 3339 or a number since 1970. Default: `timestamp`.
	Timestamp string `yaml:"timestamp,omitempty"`
	// What an uptime that is a number counts: `1ms` or `1s`. Default: a nanosecond.
	UptimeUnit model.Duration `yaml:"uptime_unit,omitempty"`
	// What a timestamp that is a number counts: `1ms` or `1s`. Default: `1s`.
	TimestampUnit model.Duration `yaml:"timestamp_unit,omitempty"`
}

// The components of a cluster, by the names of their shipped rule files.
const (
	componentP2P         = "p2p"
	componentPubsub      = "pubsub"
	componentDHT         = "dht"
	componentReplication = "replication"
	componentElection    = "election"
)

// swarmCheck is a shipped check that needs a cluster.
type swarmCheck struct {
	component string
	probe     bool // decided by a probe, not by rules alone
}

func swarmChecks() map[string]swarmCheck {
	return map[string]swarmCheck{
		"p2p-connectivity":   {componentP2P, false},
		"pubsub-enhanced":    {componentPubsub, true},
		"pubsub-active":      {componentPubsub, true},
		"dht-enhanced":       {componentDHT, true},
		"dht-active":         {componentDHT, true},
		"replication-health": {componentReplication, true},
		"election-health":    {componentElection, false},
	}
}

// joins says whether a cluster is configured.
func (c *loaded) joins() bool { return len(c.P2P.Targets) > 0 }

// observes says whether an election is configured.
func (c *loaded) observes() bool {
	_, set := c.lines["election"]
	return set && c.joins()
}

// swarmComponents are the configured components of a cluster.
func (c *loaded) swarmComponents() (names []string) {
	if c.joins() {
		names = append(names, componentP2P, componentPubsub, componentDHT, componentReplication)
	}
	if c.observes() {
		names = append(names, componentElection)
	}
	return names
}

// isSwarmProbe says whether a probe of the configured cluster decides the check.
func (c *loaded) isSwarmProbe(name string) bool { return c.joins() && swarmChecks()[name].probe }
