package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"chorus/collectors"
	"chorus/probes/p2p"
)

// observe listens to the leaders.
func (s *swarm) observe(c *loaded, guard *p2p.Guard, logger loggers) error {
	authors, err := c.authors()
	if err != nil {
		return err
	}
	o := c.Election.options(authors)
	o.Logger = logger
	if s.election, err = collectors.NewElection(o); err != nil {
		return err
	}
	s.heartbeats, err = p2p.NewHeartbeats(p2p.HeartbeatOptions{
		PubSub: s.gossip.Receiver, Guard: guard, Topic: c.Election.Topic, Fields: c.Election.Fields.wire(),
		Authors: authors, MaxSkew: time.Duration(c.Election.MaxSkew), OnRefused: s.election.Refused, Logger: logger,
		OnHeartbeat: func(h p2p.Heartbeat) {
			s.election.Heartbeat(collectors.Heartbeat{Node: h.Node, Term: h.Term, Uptime: h.Uptime, Sent: h.Sent}, h.Received)
		},
	})
	return err
}

// options are those of the collector, for these authors.
func (e Election) options(authors map[peer.ID]string) collectors.ElectionOptions {
	return collectors.ElectionOptions{
		HeartbeatTimeout: time.Duration(e.HeartbeatTimeout), Nodes: slices.Collect(maps.Values(authors)),
	}
}

// authors are who is believed, by the names that metrics give them: the targets, and whoever is allowed.
func (c *loaded) authors() (map[peer.ID]string, error) {
	targets, err := p2p.ParseTargets(c.P2P.Targets, p2p.TargetOptions{QUIC: c.P2P.QUIC})
	if err != nil {
		return nil, err
	}
	authors := map[peer.ID]string{}
	for _, t := range targets {
		authors[t.ID] = t.ID.String()
	}
	for _, n := range c.Election.Allow {
		id, err := peer.Decode(n.Peer)
		if err != nil {
			return nil, fmt.Errorf("parse peer id %q: %w", n.Peer, err)
		}
		if authors[id] = n.Name; n.Name == "" {
			authors[id] = id.String()
		}
	}
	return authors, nil
}

func (f HeartbeatFields) wire() p2p.HeartbeatFields {
	return p2p.HeartbeatFields{
		NodeID: f.NodeID, Term: f.Term, Uptime: f.Uptime, Timestamp: f.Timestamp,
		UptimeUnit: time.Duration(f.UptimeUnit), TimestampUnit: time.Duration(f.TimestampUnit),
	}
}
