package main

import (
	"fmt"
	"maps"
	"slices"

	"chorus/rules"
)

// The components there are, by the names of their shipped rule files.
const (
	componentResources = "resources"
	componentDatabase  = "database"
)

// ruleOptions is what the configuration says about rules. Names of checks that are not shipped are in it only if own
// says so: rules refuse what they do not know.
func (c *loaded) ruleOptions(own bool) rules.Options {
	o := rules.Options{
		Components: []string{componentResources},
		Actions:    []string{actionShutdown},
		Own:        c.RuleFiles,
		Checks:     map[string]rules.CheckTiming{},
	}
	if len(c.Databases) > 0 {
		o.Components = append(o.Components, componentDatabase)
	}
	o.Components = append(o.Components, c.swarmComponents()...)
	if c.guarded() {
		o.Enabled = append(o.Enabled, componentFleet)
	}
	for name := range swarmChecks() {
		if c.isSwarmProbe(name) {
			o.Probes = append(o.Probes, name)
		}
	}
	slices.Sort(o.Probes)
	for _, d := range c.Databases {
		if _, shipped := c.shipped[d.Name]; !shipped { // which is a fault, and is reported as one
			o.Probes = append(o.Probes, d.Name)
		}
	}
	for _, name := range c.namedChecks() {
		if _, shipped := c.shipped[name]; !shipped && !own {
			continue
		}
		check := c.effective(name)
		o.Checks[name] = rules.CheckTiming{Interval: check.interval(), Timeout: check.timeout()}
		switch {
		case check.enabled() && c.isSwarmProbe(name): // probes are not asked for here
		case check.enabled():
			o.Enabled = append(o.Enabled, name)
		default:
			o.Disabled = append(o.Disabled, name)
		}
	}
	return o
}

// namedChecks are the names of all checks but databases that the file and the defaults mention. What the defaults say
// about checks of a component that is not configured is left out.
func (c *loaded) namedChecks() []string {
	names := slices.Sorted(maps.Keys(c.Checks))
	names = slices.Compact(slices.Sorted(slices.Values(append(names, c.Disable...))))
	return slices.DeleteFunc(names, func(name string) bool { return c.isDatabase(name) || c.isIdle(name) })
}

// isIdle says whether the check belongs to a component that is not configured.
func (c *loaded) isIdle(name string) bool {
	check, ok := swarmChecks()[name]
	return ok && !slices.Contains(c.swarmComponents(), check.component)
}

// loadRules loads the rules, and reports what the configuration says about checks and components that do not exist or
// are not its to decide. The error has the faults of the rules alone; without one the set may still be nil.
func (c *loaded) loadRules() (*rules.Set, error) {
	if c.rulesUnknown() {
		return nil, nil
	}
	options := c.ruleOptions(false)
	all, err := rules.Load(options) // no custom check is disabled yet, so the set has all that exist
	if err != nil {
		options.Own = nil
		shipped, shippedErr := rules.Load(options)
		if shippedErr != nil {
			return nil, err
		}
		c.checkRuleChecks(shipped)
		c.checkNames(shipped, c.unloaded())
		return nil, err
	}
	c.checkRuleChecks(all)
	var more *unloaded
	if c.nameless() {
		more = c.unloaded()
	}
	if !c.checkNames(all, more) || more != nil {
		return nil, nil
	}
	set, err := rules.Load(c.ruleOptions(true))
	if err != nil {
		return nil, err
	}
	enabled := slices.ContainsFunc(c.probes(), func(name string) bool { return c.effective(name).enabled() })
	if len(set.Checks()) == 0 && !enabled {
		c.add(0, "", "no check is enabled; enable one, or add a database or a rule with a check_name")
	}
	c.checkCounted(set)
	return set, nil
}

// checkCounted reports that no component counts in the score, which then has no value.
func (c *loaded) checkCounted(set *rules.Set) {
	names := c.ruleOptions(true).Components[1:] // those beside resources, whose checks may all be disabled
	for _, check := range set.Checks() {
		names = append(names, check.Component)
	}
	if len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool {
		weight := c.Components[name].Weight
		return weight == nil || *weight != 0
	}) {
		c.add(c.line("components"), "components", "every component has weight 0, so there is no score; give one a weight over 0")
	}
}

// probes returns the names of all checks that probes decide.
func (c *loaded) probes() (out []string) {
	for _, d := range c.Databases {
		if d.Name != "" {
			out = append(out, d.Name)
		}
	}
	for name := range swarmChecks() {
		if c.isSwarmProbe(name) {
			out = append(out, name)
		}
	}
	return out
}

// ruleChecks are the checks that rules decide, those switched off included.
func ruleChecks(set *rules.Set) []rules.Check { return slices.Concat(set.Checks(), set.Disabled()) }

// checkRuleChecks reports settings that a rule check takes from its rules.
func (c *loaded) checkRuleChecks(set *rules.Set) {
	for _, check := range ruleChecks(set) {
		setting := c.Checks[check.Name]
		field := "checks." + check.Name
		if setting.Critical != nil {
			c.add(c.line(field+".critical"), field+".critical",
				"cannot be set for a rule check; change the severity of its alert in %s", check.File)
		}
		if setting.FailureThreshold != nil {
			c.add(c.line(field+".failure_threshold"), field+".failure_threshold",
				"cannot be set for a rule check; change the \"for\" of its alert in %s", check.File)
		}
	}
}

// rulesUnknown reports whether a part of the file could not be read that decides which rules there are, or what they may
// say. Their faults could follow from that.
func (c *loaded) rulesUnknown() bool {
	if !c.garbled {
		return false
	}
	return len(c.lost) == 0 || slices.ContainsFunc(c.lost, func(key string) bool {
		return slices.Contains([]string{"", "rule_files", "checks", "disable", "databases", "p2p", "election", "shutdown"}, key)
	})
}

// checkNames reports names of checks and components that do not exist, and whether all do. Names that more may declare
// are passed over; nil: nothing else declares any.
func (c *loaded) checkNames(set *rules.Set, more *unloaded) bool {
	faults := len(c.list)
	names, components := c.names(set)
	for name := range c.Checks {
		field := "checks." + name
		if _, set := c.lines[field]; !set {
			continue // of the defaults
		}
		if !slices.Contains(names, name) && !more.mayDeclare(name, names) {
			c.add(c.line(field), field, "%s", noCheck(name, names))
		}
	}
	for i, name := range c.Disable {
		if !slices.Contains(names, name) && !more.mayDeclare(name, names) {
			field := fmt.Sprintf("disable[%d]", i)
			c.add(c.line(field), field, "%q: %s", name, noCheck(name, names))
		}
	}
	for name := range c.Components {
		if field := "components." + name; !slices.Contains(components, name) && !more.mayDeclare(name, components) {
			c.add(c.line(field), field, "unknown component; %s", meant(name, components))
		}
	}
	return len(c.list) == faults
}

// noCheck returns why there is no check of that name.
func noCheck(name string, names []string) string {
	switch check, ok := swarmChecks()[name]; {
	case !ok:
		return "unknown check; " + meant(name, names)
	case check.component == componentElection:
		return "needs an election: configure p2p.targets and election"
	default:
		return "needs a cluster: configure p2p.targets"
	}
}

// names are the names of all checks and of all components.
func (c *loaded) names(set *rules.Set) (checks, components []string) {
	components = []string{componentResources, componentDatabase}
	components = append(components, c.swarmComponents()...)
	checks = c.probes()
	for _, check := range ruleChecks(set) {
		checks = append(checks, check.Name)
		components = append(components, check.Component)
	}
	slices.Sort(components)
	return checks, slices.Compact(components)
}

// policy is what the configuration says about scores.
func (c *loaded) policy() rules.Policy {
	p := rules.Policy{
		Healthy:    c.Thresholds.Healthy,
		Degraded:   c.Thresholds.Degraded,
		Components: make(map[string]rules.ComponentPolicy, len(c.Components)),
	}
	for name, component := range c.Components {
		p.Components[name] = rules.ComponentPolicy(component)
	}
	return p
}
