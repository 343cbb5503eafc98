package main

import (
	"errors"
	"fmt"

	"github.com/go-kit/log"

	"chorus/collectors"
	"chorus/evaluator"
	"chorus/probes"
	"chorus/probes/sql"
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
	databases map[Database]*sql.Probe // by their configuration: an equal one keeps its probe and its connections
	swarm     *swarm                  // nil without p2p, and until join; then the same in every plan
	shown     []byte                  // the configuration in force as YAML, without secrets
	warnings  []finding
	notes     []finding
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
	p := &plan{config: c, rules: set, databases: map[Database]*sql.Probe{}}
	p.openDatabases(live)
	if c.err() == nil {
		faults = errors.Join(faults, p.rehearse(live, logger))
	}
	if set != nil {
		p.checkSeries()
	}
	err = errors.Join(c.err(), faults)
	if err == nil {
		p.shown, err = c.show(set)
	}
	if err != nil {
		return nil, errors.Join(err, p.closeUnless(live))
	}
	p.warnings, p.notes = p.findings()
	return p, nil
}

// checkSeries reports that the checks and rules need more series than max_series allows.
func (p *plan) checkSeries() {
	c := p.config
	if c.has("max_series") {
		return
	}
	running := 0
	for _, name := range c.probes() {
		if c.effective(name).enabled() {
			running++
		}
	}
	if err := evaluator.SeriesNeeded(p.rules, running).Fits(c.MaxSeries); err != nil {
		c.addNamed(c.line("max_series"), "", "max_series", "%v", err)
	}
}

// openDatabases makes the probes of all databases without a fault, and reports those that it cannot make.
func (p *plan) openDatabases(live *plan) {
	for i, d := range p.config.Databases {
		field := fmt.Sprintf("databases[%d]", i)
		if p.config.has(field) {
			continue
		}
		probe := live.probeOf(d)
		if probe == nil {
			var err error
			if probe, err = d.probe(); err != nil {
				p.config.add(p.config.line(field), field, "%v", err)
				continue
			}
		}
		p.databases[d] = probe
	}
}

// makeSpecs makes the specs of all checks that probes decide.
func (p *plan) makeSpecs() {
	for _, d := range p.config.Databases {
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
			Probe:            p.databases[d],
			Target:           d.target(),
		})
	}
	p.specs = append(p.specs, p.swarm.specs(p.config)...)
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
	return p.tryOut()
}

// keepNodeID gives a configuration without node_id the one that its process has, be it the peer id or the hostname.
func (c *loaded) keepNodeID(live *loaded) {
	if _, set := c.lines["node_id"]; !set && c.joins() != live.joins() || c.NodeID == "" {
		c.NodeID = live.NodeID
	}
}

func (p *plan) probeOf(d Database) *sql.Probe {
	if p == nil {
		return nil
	}
	return p.databases[d]
}

// rehearse makes the rest of the plan, whose configuration has no fault, and tries it out.
func (p *plan) rehearse(live *plan, logger log.Logger) error {
	p.policy = p.config.policy()
	p.resources, p.measured = p.config.resourceOptions(logger)
	if live != nil {
		p.swarm = live.swarm
	}
	p.makeSpecs()
	return p.tryOut()
}

// tryOut puts the plan into rooms of its own, so that the live ones cannot refuse it any more.
func (p *plan) tryOut() error {
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
		{"max_series", c.MaxSeries, old.MaxSeries},
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
