package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-kit/log/level"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/prometheus/client_golang/prometheus"

	"chorus/collectors"
	collectorsp2p "chorus/collectors/p2p"
	"chorus/probes"
	"chorus/probes/p2p"
	"chorus/probes/p2p/dht"
)

// swarm is what a configured cluster needs: our hosts in it, and what probes and observes with them. It is made once, at
// the start: a reload changes settings of its parts, see apply.
type swarm struct {
	id          peer.ID
	native      *prometheus.Registry // of libp2p's own metrics; nil unless they are asked for
	presence    *p2p.Presence
	peers       *collectorsp2p.Peers
	mesh        *collectorsp2p.GossipSub
	gossip      *p2p.Gossip
	dht         *dht.Probe
	replication *dht.Replication
	election    *collectors.Election // nil without election, like heartbeats
	heartbeats  *p2p.Heartbeats
	fleet       *p2p.Fleet // nil without other exporters
	status      atomic.Pointer[func() p2p.FleetStatus]
}

// noHost stands for a leg where options are only checked.
type noHost struct{}

func (noHost) Host() host.Host { return nil }

// newSwarm makes hosts and probes. It dials nobody yet. Without p2p in the configuration it is nil.
func newSwarm(c *loaded, logger loggers) (s *swarm, err error) {
	if !c.joins() {
		return nil, nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("prepare p2p: %w", err)
			if s != nil && s.presence != nil {
				err = errors.Join(err, s.presence.Close())
			}
		}
	}()
	identity, err := c.identity()
	if err != nil {
		return nil, err
	}
	s = &swarm{id: identity.PeerIDs()[0]}
	if err := s.join(c, identity, logger); err != nil {
		return s, err
	}
	guard := &p2p.Guard{}
	if err := s.probe(c, guard, logger); err != nil {
		return s, err
	}
	if c.observes() {
		if err := s.observe(c, guard, logger); err != nil {
			return s, err
		}
	}
	if c.guarded() {
		err = s.gather(c, guard, logger)
	}
	return s, err
}

func (c *loaded) identity() (*p2p.Identity, error) {
	if c.P2P.IdentityFile == "" {
		return p2p.NewIdentity()
	}
	return p2p.LoadIdentity(c.P2P.IdentityFile)
}

func (s *swarm) join(c *loaded, identity *p2p.Identity, logger loggers) error {
	o := p2p.PresenceOptions{
		Identity: identity, Targets: c.P2P.Targets, QUIC: c.P2P.QUIC,
		AllowPeers: c.P2P.AllowPeers, AllowCIDRs: c.P2P.AllowCIDRs, Logger: logger,
		Ping: c.P2P.Ping.options(),
	}
	var err error
	if c.P2P.NativeMetrics {
		s.native = prometheus.NewRegistry()
		native, err := collectorsp2p.NewNative(s.native)
		if err != nil {
			return err
		}
		o.SwarmTracer, o.LimitReporter = native.Swarm, native.Limits
	}
	if c.P2P.PSKFile != "" {
		if o.PSK, err = p2p.LoadPSK(c.P2P.PSKFile); err != nil {
			return err
		}
	}
	if s.presence, err = p2p.NewPresence(o); err != nil {
		return err
	}
	s.peers, err = collectorsp2p.NewPeers(collectorsp2p.PeersOptions{
		Connected: s.presence.Responsive, MinPeers: c.P2P.MinPeers,
	})
	return err
}

func (s *swarm) probe(c *loaded, guard *p2p.Guard, logger loggers) error {
	if err := s.probePubsub(c, guard, logger); err != nil {
		return err
	}
	o := dht.Options{Leg: s.presence.DHT()}
	c.P2P.DHT.into(&o)
	var err error
	if s.dht, err = dht.New(o); err != nil {
		return err
	}
	s.replication, err = dht.NewReplication(c.P2P.Replication.options(s.dht))
	return err
}

func (s *swarm) probePubsub(c *loaded, guard *p2p.Guard, logger loggers) error {
	x := c.P2P.Pubsub
	settings, err := x.settings()
	if err != nil {
		return err
	}
	topics := []string{x.Topic}
	if c.observes() {
		topics = append(topics, c.Election.Topic)
	}
	if c.guarded() {
		topics = append(topics, c.Shutdown.Fleet.Topic)
	}
	if s.mesh, err = collectorsp2p.NewGossipSub(topics...); err != nil {
		return err
	}
	s.gossip, err = p2p.NewGossip(p2p.GossipOptions{
		A: s.presence.A(), B: s.presence.B(), Topic: x.Topic, Mode: settings.Mode, Wait: settings.Wait,
		Answer: p2p.GossipAnswer{Exporters: settings.Exporters}, Guard: guard, Logger: logger,
		Params: p2p.GossipParams{B: []pubsub.Option{pubsub.WithRawTracer(s.mesh)}},
	})
	return err
}

// into puts the configured values into options.
func (d DHT) into(o *dht.Options) {
	o.ProtocolPrefix, o.Namespace = protocol.ID(d.ProtocolPrefix), d.Namespace
	o.BucketSize, o.MinHolders = d.BucketSize, d.MinHolders
}

func (p Ping) options() p2p.PingOptions {
	return p2p.PingOptions{
		Interval: time.Duration(p.Interval), Timeout: time.Duration(p.Timeout), MaxFailures: p.MaxFailures,
	}
}

func (x Pubsub) settings() (p2p.GossipSettings, error) {
	exporters, err := decodePeers(x.Exporters)
	return p2p.GossipSettings{Mode: p2p.GossipMode(x.Mode), Wait: time.Duration(x.Wait), Exporters: exporters}, err
}

func (r Replication) options(probe *dht.Probe) dht.ReplicationOptions {
	o := dht.ReplicationOptions{DHT: probe, MinHolders: r.MinHolders}
	for _, k := range r.Keys {
		o.Keys = append(o.Keys, k.watched())
	}
	return o
}

func (k ReplicationKey) watched() dht.WatchedKey {
	return dht.WatchedKey{Name: k.Name, Key: k.Key, CID: k.CID}
}

func decodePeers(texts []string) ([]peer.ID, error) {
	var out []peer.ID
	for _, text := range texts {
		id, err := peer.Decode(text)
		if err != nil {
			return nil, fmt.Errorf("parse peer id %q: %w", text, err)
		}
		out = append(out, id)
	}
	return out, nil
}

// announce logs the peer ids that we dial with, for a cluster that lists who may connect.
func (s *swarm) announce(logger loggers) {
	if s == nil {
		return
	}
	for _, leg := range []*p2p.Leg{s.presence.A(), s.presence.B(), s.presence.DHT()} {
		level.Info(logger).Log("msg", "Dialling the cluster under our own peer id",
			"component", "p2p/"+leg.Name(), "peer", leg.Host().ID())
	}
}

// parts are what runs, by name.
func (s *swarm) parts() map[string]func(context.Context) error {
	if s == nil {
		return nil
	}
	parts := map[string]func(context.Context) error{
		"p2p hosts": s.presence.Run, "pubsub probe": s.gossip.Run, "dht probe": s.dht.Run,
	}
	if s.heartbeats != nil {
		parts["election observer"] = s.heartbeats.Run
	}
	if s.fleet != nil {
		parts["fleet"] = s.fleet.Run
	}
	return parts
}

// collectors are what measures the cluster.
func (s *swarm) collectors() []prometheus.Collector {
	if s == nil {
		return nil
	}
	out := []prometheus.Collector{s.presence, s.peers, s.mesh, s.gossip, s.dht, s.replication}
	if s.election != nil {
		out = append(out, s.election)
	}
	if s.fleet != nil {
		out = append(out, s.fleet)
	}
	return out
}

// gatherers are what only /metrics gathers: no rule reads it, so that it costs the evaluator no series.
func (s *swarm) gatherers() []prometheus.Gatherer {
	if s == nil || s.native == nil {
		return nil
	}
	return []prometheus.Gatherer{s.native}
}

// specs are the checks that the cluster's probes decide, as the configuration has them.
func (s *swarm) specs(c *loaded) (specs []probes.Spec) {
	if s == nil {
		return nil
	}
	message := "A message goes through nodes of the cluster and comes back unchanged."
	value := "A fresh value put into the DHT is held, byte for byte, by other nodes."
	for _, check := range []struct {
		name, description string
		probe             probes.Probe
		target            string
	}{
		{"pubsub-enhanced", message, s.gossip, c.P2P.pubsubTarget()},
		{"pubsub-active", message, s.gossip, c.P2P.pubsubTarget()},
		{"dht-enhanced", value, s.dht, c.P2P.dhtTarget()},
		{"dht-active", value, s.dht, c.P2P.dhtTarget()},
		{
			"replication-health", "The watched keys can be looked up, and enough nodes hold each of them.", s.replication,
			c.P2P.replicationTarget(),
		},
	} {
		eff := c.effective(check.name)
		specs = append(specs, probes.Spec{
			Name: check.name, Description: check.description, Component: swarmChecks()[check.name].component,
			Critical: eff.Critical != nil && *eff.Critical, Disabled: !eff.enabled(), Interval: eff.interval(),
			Timeout: eff.timeout(), FailureThreshold: *eff.FailureThreshold, Probe: check.probe,
			Target: check.target,
		})
	}
	return specs
}

// close gives the hosts back.
func (s *swarm) close() error {
	if s == nil {
		return nil
	}
	return s.presence.Close()
}
