package main

import (
	"context"
	"errors"
	"slices"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"

	"chorus/collectors"
	collectorsp2p "chorus/collectors/p2p"
	"chorus/probes/p2p"
	"chorus/probes/p2p/dht"
)

// checkSwarmRestart reports what a reload would change about our hosts, whom they dial and what they listen to. All
// else under p2p and election is applied.
func (c *loaded) checkSwarmRestart(old *loaded) {
	const mend = "a change needs a restart; restart, or put back what it was"
	if c.joins() != old.joins() {
		c.add(c.line("p2p"), "p2p", mend) // what follows from it is one fault, not ten
		return
	}
	if c.observes() != old.observes() {
		c.add(c.line("election"), "election", mend)
	} else if c.observes() {
		c.checkSame("election.topic", c.Election.Topic, old.Election.Topic)
	}
	now, was := c.P2P, old.P2P
	for _, f := range []struct {
		field    string
		now, was []string
	}{
		{"p2p.targets", now.Targets, was.Targets},
		{"p2p.allow_peers", now.AllowPeers, was.AllowPeers},
		{"p2p.allow_cidrs", now.AllowCIDRs, was.AllowCIDRs},
		{"p2p.identity_file", []string{now.IdentityFile}, []string{was.IdentityFile}},
		{"p2p.psk_file", []string{now.PSKFile}, []string{was.PSKFile}},
	} {
		if !slices.Equal(f.now, f.was) {
			c.add(c.line(f.field), f.field, mend)
		}
	}
	c.checkSame("p2p.quic", now.QUIC, was.QUIC)
	c.checkSame("p2p.native_metrics", now.NativeMetrics, was.NativeMetrics)
	c.checkSame("p2p.pubsub.topic", now.Pubsub.Topic, was.Pubsub.Topic)
	c.checkSame("p2p.dht.protocol_prefix", now.DHT.ProtocolPrefix, was.DHT.ProtocolPrefix)
	c.checkSame("p2p.dht.namespace", now.DHT.Namespace, was.DHT.Namespace)
	c.checkSame("p2p.dht.bucket_size", now.DHT.BucketSize, was.DHT.BucketSize)
}

// settings are what a reload applies, read from a configuration.
type settings struct {
	minPeers int
	ping     p2p.PingOptions
	gossip   p2p.GossipSettings
	holders  int // of the DHT probe's value
	replicas dht.ReplicationOptions
	authors  map[peer.ID]string // none without election, like what follows
	fields   p2p.HeartbeatFields
	maxSkew  time.Duration
	election collectors.ElectionOptions
}

func (s *swarm) settings(c *loaded) (x settings, err error) {
	x = settings{
		minPeers: c.P2P.MinPeers, ping: c.P2P.Ping.options(), holders: c.P2P.DHT.MinHolders,
		replicas: c.P2P.Replication.options(s.dht),
	}
	if x.gossip, err = c.P2P.Pubsub.settings(); err != nil || s.election == nil {
		return x, err
	}
	if x.authors, err = c.authors(); err != nil {
		return x, err
	}
	x.fields, x.maxSkew = c.Election.Fields.wire(), time.Duration(c.Election.MaxSkew)
	x.election = c.Election.options(x.authors)
	return x, nil
}

// rehearse says what apply would fail with, and changes nothing.
func (s *swarm) rehearse(c *loaded) error {
	if s == nil {
		return nil
	}
	x, err := s.settings(c)
	if err != nil {
		return err
	}
	_, peersErr := collectorsp2p.NewPeers(collectorsp2p.PeersOptions{
		Connected: func() []peer.ID { return nil }, MinPeers: x.minPeers,
	})
	_, dhtErr := c.P2P.DHT.trial()
	_, replicasErr := dht.NewReplication(x.replicas)
	err = errors.Join(peersErr, x.ping.Check(), s.gossip.Check(x.gossip), dhtErr, replicasErr)
	if s.election != nil {
		_, electionErr := collectors.NewElection(x.election)
		err = errors.Join(err, electionErr, tryHeartbeats(x.authors, x.fields, x.maxSkew))
	}
	return err
}

// apply puts the settings of a configuration into force. They have been rehearsed.
func (s *swarm) apply(c *loaded) error {
	if s == nil {
		return nil
	}
	x, err := s.settings(c)
	if err != nil {
		return err
	}
	err = errors.Join(s.peers.Apply(x.minPeers), s.presence.ApplyPing(x.ping), s.gossip.Apply(x.gossip),
		s.dht.ApplyMinHolders(x.holders), s.replication.Apply(x.replicas.Keys, x.replicas.MinHolders))
	if s.election != nil {
		err = errors.Join(err, s.election.Apply(x.election), s.heartbeats.Apply(x.authors, x.fields, x.maxSkew))
	}
	return err
}

// tryHeartbeats asks a listener that never runs what is wrong with its options.
func tryHeartbeats(authors map[peer.ID]string, fields p2p.HeartbeatFields, maxSkew time.Duration) error {
	_, err := p2p.NewHeartbeats(p2p.HeartbeatOptions{
		PubSub:  func(context.Context) (*pubsub.PubSub, error) { return nil, nil },
		Authors: authors, Fields: fields, MaxSkew: maxSkew, OnHeartbeat: func(p2p.Heartbeat) {},
	})
	return err
}
