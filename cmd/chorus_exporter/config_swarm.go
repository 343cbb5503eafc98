package main

import (
	"github.com/prometheus/common/model"
)

// P2P says which libp2p cluster to join, and how it is probed. It is configured as soon as it has targets.
type P2P struct {
	Targets      []string    `yaml:"targets,omitempty"`       // multiaddrs that end in /p2p/ID
	IdentityFile string      `yaml:"identity_file,omitempty"` // empty: a new identity with every start
	PSKFile      string      `yaml:"psk_file,omitempty"`
	QUIC         bool        `yaml:"quic,omitempty"`
	AllowPeers   []string    `yaml:"allow_peers,omitempty"`
	AllowCIDRs   []string    `yaml:"allow_cidrs,omitempty"`
	MinPeers     int         `yaml:"min_peers,omitempty"`
	Ping         Ping        `yaml:"ping,omitempty"`
	Pubsub       Pubsub      `yaml:"pubsub,omitempty"`
	DHT          DHT         `yaml:"dht,omitempty"`
	Replication  Replication `yaml:"replication,omitempty"`
	// NativeMetrics exposes what libp2p itself counts.
	NativeMetrics bool `yaml:"native_metrics,omitempty"`
}

// Ping says how connections to cluster nodes are tested.
type Ping struct {
	Interval    model.Duration `yaml:"interval"`
	Timeout     model.Duration `yaml:"timeout"`
	MaxFailures int            `yaml:"max_failures"`
}

// Pubsub says how messages are sent through the cluster.
type Pubsub struct {
	Topic     string         `yaml:"topic"`
	Mode      string         `yaml:"mode"`
	Wait      model.Duration `yaml:"wait"`
	Exporters []string       `yaml:"exporters,omitempty"` // peer ids of other exporters' receiving legs
}

// DHT says where and how values are put.
type DHT struct {
	ProtocolPrefix string `yaml:"protocol_prefix"`
	Namespace      string `yaml:"namespace"`
	BucketSize     int    `yaml:"bucket_size"`
	MinHolders     int    `yaml:"min_holders"`
}

// Replication says what nodes must hold, and how many of them.
type Replication struct {
	MinHolders int              `yaml:"min_holders"`
	Keys       []ReplicationKey `yaml:"keys,omitempty"`
}

// ReplicationKey is something in the DHT that is watched.
type ReplicationKey struct {
	Name string `yaml:"name"`
	Key  string `yaml:"key,omitempty"`
	CID  string `yaml:"cid,omitempty"`
}

// Election says where leaders send their heartbeats, and who is believed. It is configured as soon as a file has the key.
type Election struct {
	Topic            string          `yaml:"topic,omitempty"`
	HeartbeatTimeout model.Duration  `yaml:"heartbeat_timeout,omitempty"`
	MaxSkew          model.Duration  `yaml:"max_skew,omitempty"`
	Allow            []ElectionNode  `yaml:"allow,omitempty"` // beside the targets
	Fields           HeartbeatFields `yaml:"fields,omitempty"`
}

// ElectionNode is a node that may lead.
type ElectionNode struct {
	Peer string `yaml:"peer"`
	Name string `yaml:"name,omitempty"` // what metrics call it; default its peer id
}

// HeartbeatFields are the names that the fields of a heartbeat have; "-" for one that is not sent.
type HeartbeatFields struct {
	NodeID        string         `yaml:"node_id,omitempty"`
	Term          string         `yaml:"term,omitempty"`
	Uptime        string         `yaml:"uptime,omitempty"`
	Timestamp     string         `yaml:"timestamp,omitempty"`
	UptimeUnit    model.Duration `yaml:"uptime_unit,omitempty"`
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
