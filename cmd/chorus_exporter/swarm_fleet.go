package main

import (
	"cmp"
	"slices"
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

// fleetStatus is what the other exporters are told: the status, and whether this node is about to be stopped by a rule, or
// would be if the fleet did not hold it back. Where something else does, nobody should wait for it: the others would wait
// for ever.
func (a *app) fleetStatus() p2p.FleetStatus {
	return tellStatus(a.evaluator.Snapshot(), a.mode(), time.Now())
}

func tellStatus(snap *evaluator.Snapshot, mode string, now time.Time) p2p.FleetStatus {
	if snap.Status != evaluator.Stopping && snap.Stalled(now) { // one that stops goes on, whatever it knows
		return p2p.FleetStatus{Status: string(evaluator.Unhealthy)}
	}
	return p2p.FleetStatus{Status: string(snap.Status), WantsStop: mode != modeObserve && wantsStop(snap)}
}

// wantsStop leaves out what the evaluator holds back: when that ends, the rule's minute begins anew.
func wantsStop(snap *evaluator.Snapshot) bool {
	if len(snap.Failing) > 0 || snap.Partial || snap.Status == evaluator.Starting {
		return false
	}
	return slices.ContainsFunc(snap.Alerts, func(alert evaluator.Alert) bool {
		asks := alert.Labels["action"] == actionShutdown || alert.Labels["holds"] == actionShutdown
		return asks && !slices.ContainsFunc(snap.Checks, func(c evaluator.Check) bool {
			return c.Name == alert.Check && c.State == evaluator.StateUnknown
		})
	})
}

// doubtUnguarded finds that nothing keeps a shared fault from stopping every node at once.
func (c *loaded) doubtUnguarded(doubts *problems) {
	if c.Shutdown.Mode != modeObserve && !c.guarded() {
		field := "shutdown.fleet.exporters"
		doubts.add(c.line(field), field, "is empty with shutdown.mode %s, so a fault that all nodes share stops all of them; "+
			"list the other exporters", c.Shutdown.Mode)
	}
}
