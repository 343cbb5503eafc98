package main

import (
	"errors"
	"fmt"

	"github.com/go-kit/log"

	"chorus/collectors"
	"chorus/probes"
	"chorus/rules"
)

// plan is a configuration with all that follows from it, made and checked before anything live is touched.
type plan struct {
	config    *loaded
	rules     *rules.Set
	policy    rules.Policy
	resources collectors.ResourcesOptions
	measured  bool // whether a check needs the resources of this machine
	specs     []probes.Spec
	databases map[Database]*probes.SQL // by their configuration: an equal one keeps its probe and its connections
	swarm     *swarm                   // nil without p2p, and until join; then the same in every plan
	shown     []byte                   // the configuration in force as YAML, without secrets
}

// prepare loads configuration and rules and makes what they ask for. Databases that live has too are taken over. It
// changes nothing: what it opens connects at its first run. The error joins every fault of every file.
func prepare(file string, live *plan, logger log.Logger) (*plan, error) {
	c, err := loadConfig(file)
	if err != nil {
		return nil, err
	}
	set, faults := c.loadRules()
	if live != nil {
		c.paths = live.config.paths // a path that hangs is not tried twice
	}
	if live != nil && !c.garbled {
		c.keepNodeID(live.config)
		c.checkRestart(live.config)
		c.checkFleetRestart(live.config)
	}
	if err := errors.Join(c.err(), faults); err != nil {
		return nil, err
	}
	p := &plan{config: c, rules: set, policy: c.policy(), databases: map[Database]*probes.SQL{}}
	p.resources, p.measured = c.resourceOptions(logger)
	if live != nil {
		p.swarm = live.swarm
	}
	if err := p.makeProbes(live); err != nil {
		return nil, errors.Join(err, p.closeUnless(live))
	}
	if err := p.rehearse(); err != nil {
		return nil, errors.Join(err, p.closeUnless(live))
	}
	if p.shown, err = c.show(set); err != nil {
		return nil, errors.Join(err, p.closeUnless(live))
	}
	return p, nil
}

// makeProbes makes the specs of all checks that probes decide.
func (p *plan) makeProbes(live *plan) error {
	for _, d := range p.config.Databases {
		probe := live.probeOf(d)
		if probe == nil {
			var err error
			if probe, err = d.probe(); err != nil {
				return err
			}
		}
		p.databases[d] = probe
		check := p.config.effective(d.Name)
		p.specs = append(p.specs, probes.Spec{
			Name:             d.Name,
			Description:      "A query answers on a real connection to the database.",
			Component:        componentDatabase,
			Critical:         check.Critical != nil && *check.Critical,
			Disabled:         !check.enabled(),
			Interval:         check.interval(),
			Timeout:          check.timeout(),
			FailureThreshold: *check.FailureThreshold,
			Probe:            probe,
		})
	}
	p.specs = append(p.specs, p.swarm.specs(p.config)...)
	return nil
}

// join makes what the first plan needs to join a cluster, if one is configured. It dials nobody yet.
func (p *plan) join(logger loggers) (err error) {
	if p.swarm, err = newSwarm(p.config, logger); err != nil || p.swarm == nil {
		return err
	}
	p.specs = append(p.specs, p.swarm.specs(p.config)...)
	if p.config.NodeID == "" {
		p.config.NodeID = p.swarm.id.String()
	}
	if p.shown, err = p.config.show(p.rules); err != nil {
		return errors.Join(err, p.swarm.close())
	}
	return p.rehearse()
}

// keepNodeID gives a configuration without node_id the one that its process has, be it the peer id or the hostname.
func (c *loaded) keepNodeID(live *loaded) {
	if _, set := c.lines["node_id"]; !set && c.joins() != live.joins() || c.NodeID == "" {
		c.NodeID = live.NodeID
	}
}

func (p *plan) probeOf(d Database) *probes.SQL {
	if p == nil {
		return nil
	}
	return p.databases[d]
}

// rehearse puts the plan into rooms of its own, so that the live ones can't refuse it any more.
func (p *plan) rehearse() error {
	if err := p.policy.Validate(); err != nil {
		return err
	}
	if _, err := collectors.NewResources(p.resources); err != nil {
		return err
	}
	runner, err := probes.NewRunner(probes.RunnerOptions{})
	if err != nil {
		return err
	}
	if err := runner.Apply(p.specs); err != nil {
		return err
	}
	return p.swarm.rehearse(p.config)
}

// closeUnless closes the databases that keep does not use.
func (p *plan) closeUnless(keep *plan) error {
	var errs []error
	for d, probe := range p.databases {
		if keep.probeOf(d) == nil {
			errs = append(errs, probe.Close())
		}
	}
	return errors.Join(errs...)
}

// checkRestart reports changes that a reload can't make.
func (c *loaded) checkRestart(old *loaded) {
	for _, f := range []struct {
		field    string
		now, was any
	}{
		{"node_id", c.NodeID, old.NodeID},
		{"version", c.Version, old.Version},
		{"evaluation_interval", c.EvaluationInterval, old.EvaluationInterval},
		{"startup_timeout", c.StartupTimeout, old.StartupTimeout},
		{"stall_timeout", c.StallTimeout, old.StallTimeout},
		{"history.max_entries", c.History.MaxEntries, old.History.MaxEntries},
		{"history.cleanup_interval", c.History.CleanupInterval, old.History.CleanupInterval},
	} {
		c.checkSame(f.field, f.now, f.was)
	}
	c.checkSwarmRestart(old)
}

// checkSame reports a value that is another than it was, though only a restart can change it.
func (c *loaded) checkSame(field string, now, was any) {
	if now != was {
		c.add(c.line(field), field, "a change from %v to %v needs a restart; restart, or put %v back", was, now, was)
	}
}

// summary says what a plan holds.
func (p *plan) summary() string {
	n := 0
	for _, g := range p.rules.Groups() {
		n += len(g.Rules)
	}
	on := len(p.rules.Checks())
	for _, s := range p.specs {
		if !s.Disabled {
			on++
		}
	}
	for name, check := range swarmChecks() {
		if p.swarm == nil && p.config.joins() && check.probe && p.config.effective(name).enabled() {
			on++ // --config.check joins no cluster, so it has no specs of it
		}
	}
	return fmt.Sprintf("checks: %d, rules: %d, groups: %d", on, n, len(p.rules.Groups()))
}
