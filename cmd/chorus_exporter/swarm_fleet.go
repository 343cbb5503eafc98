package main

import (
	"cmp"
	"time"

	"chorus/evaluator"
	"chorus/probes/p2p"
)

// componentFleet is the shipped rule file that asks the fleet.
const componentFleet = "fleet"

// gather joins the fleet: the other exporters of the cluster, which tell each other how they are.
func (s *swarm) gather(c *loaded, guard *p2p.Guard, logger loggers) error {
	f := c.Shutdown.Fleet
	members, err := decodePeers(f.Exporters)
	if err != nil {
		return err
	}
	s.fleet, err = p2p.NewFleet(p2p.FleetOptions{
		PubSub: s.gossip.Receiver, Guard: guard, Self: s.presence.B().Host().ID(),
		NodeID: cmp.Or(c.NodeID, s.id.String()), Members: members, Topic: f.Topic,
		Interval: time.Duration(f.Interval), MaxUnhealthyRatio: c.Shutdown.MaxUnhealthyRatio,
		Unseen: f.Unseen, Status: s.toTell, Logger: logger,
	})
	return err
}

// toTell is what tellFleet has set, and until then the truth too: the process is starting.
func (s *swarm) toTell() p2p.FleetStatus {
	if status := s.status.Load(); status != nil {
		return (*status)()
	}
	return p2p.FleetStatus{Status: string(evaluator.Starting)}
}

// tellFleet says what the other exporters are told. The swarm is made before what knows it.
func (s *swarm) tellFleet(status func() p2p.FleetStatus) {
	if s != nil {
		s.status.Store(&status)
	}
}

// changed says that there may be something new to tell.
func (s *swarm) changed() {
	if s != nil && s.fleet != nil {
		s.fleet.Changed()
	}
}

// applyFleet puts the settings of a fleet into force that a reload may change.
func (s *swarm) applyFleet(c *loaded) error {
	if s == nil || s.fleet == nil {
		return nil
	}
	members, err := decodePeers(c.Shutdown.Fleet.Exporters)
	if err != nil {
		return err
	}
	if err := s.fleet.Judge(c.Shutdown.MaxUnhealthyRatio, c.Shutdown.Fleet.Unseen); err != nil {
		return err
	}
	return s.fleet.Apply(members, time.Duration(c.Shutdown.Fleet.Interval))
}

// checkFleetRestart reports what a reload can't change of a fleet.
func (c *loaded) checkFleetRestart(old *loaded) {
	if c.guarded() != old.guarded() {
		c.add(c.line("shutdown.fleet"), "shutdown.fleet", "comes or goes only by a restart; restart, or put back what it was")
	}
	if field := "shutdown.fleet.topic"; c.guarded() && c.Shutdown.Fleet.Topic != old.Shutdown.Fleet.Topic {
		c.add(c.line(field), field, "a change from %v to %v needs a restart; restart, or put %v back",
			old.Shutdown.Fleet.Topic, c.Shutdown.Fleet.Topic, old.Shutdown.Fleet.Topic)
	}
}

// doubtUnguarded finds that nothing keeps a shared fault from stopping every node at once.
func (c *loaded) doubtUnguarded(doubts *problems) {
	if c.Shutdown.Mode != modeObserve && !c.guarded() {
		field := "shutdown.fleet.exporters"
		doubts.add(c.line(field), field, "is empty with shutdown.mode %s, so a fault that all nodes share stops all of them; "+
			"list the other exporters", c.Shutdown.Mode)
	}
}
