package main

import (
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/common/model"

	"chorus/probes/p2p"
)

// checkElection reports what is wrong with election.
func (c *loaded) checkElection() {
	e, faults := c.Election, len(c.list)
	c.span("election.heartbeat_timeout", e.HeartbeatTimeout, 100*time.Millisecond, time.Hour)
	c.span("election.max_skew", e.MaxSkew, time.Second, 24*time.Hour)
	switch field := "election.topic"; e.Topic {
	case "":
		c.add(c.line(field), field, "is empty; name the topic of the heartbeats")
	case c.P2P.Pubsub.Topic:
		c.add(c.line(field), field, "is p2p.pubsub.topic too; heartbeats need a topic of their own")
	}
	c.checkElectionNodes()
	if len(c.list) == faults {
		c.checkFields()
	}
}

func (c *loaded) checkElectionNodes() {
	peers, names := map[string]bool{}, map[string]bool{}
	for i, n := range c.Election.Allow {
		field := fmt.Sprintf("election.allow[%d]", i)
		c.checkPeer(field+".peer", n.Peer)
		if peers[n.Peer] {
			c.add(c.line(field+".peer"), field+".peer", "%q is listed twice; keep one", n.Peer)
		}
		switch {
		case n.Name != "" && !checkName.MatchString(n.Name):
			c.add(c.line(field+".name"), field+".name", "invalid name %q; use up to 128 letters, digits, '.', '_' and '-'", n.Name)
		case n.Name != "" && names[n.Name]:
			c.add(c.line(field+".name"), field+".name", "%q is the name of another node; choose another", n.Name)
		}
		peers[n.Peer], names[n.Name] = true, true
	}
}

// checkFields asks the listener itself, which knows what a heartbeat can look like. Durations of a configuration have no
// unit under a millisecond.
func (c *loaded) checkFields() {
	faults := len(c.list)
	for field, unit := range map[string]model.Duration{
		"uptime_unit": c.Election.Fields.UptimeUnit, "timestamp_unit": c.Election.Fields.TimestampUnit,
	} {
		if d := time.Duration(unit); d != 0 && d != time.Millisecond && d != time.Second {
			field = "election.fields." + field
			c.add(c.line(field), field, "invalid unit %v; use 1ms or 1s, or leave it out for the default", unit)
		}
	}
	if len(c.list) > faults {
		return
	}
	anybody := map[peer.ID]string{"any": "any"}
	c.addEach("election.fields", "heartbeats: ", tryHeartbeats(anybody, c.Election.Fields.wire(), 0))
	if authors, err := c.authors(); err == nil { // else a target is at fault, and was reported
		c.addEach("election.allow", "heartbeats: ", tryHeartbeats(authors, p2p.HeartbeatFields{}, 0))
	}
}
