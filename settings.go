package chorus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chorus/collectors"
	"chorus/evaluator"
	"chorus/evaluator/shutdown"
	"chorus/probes"
	"chorus/rules"
)

// Settings are what Apply can change while the exporter runs.
type Settings struct {
	// Checks are decided by probes. The shipped rules of their components are loaded, such as those of "database".
	Checks []probes.Spec
	// RuleFiles are rule files of the program. One with the base name of a shipped file takes its place.
	RuleFiles []string
	// Enable lists checks that are off by default, such as "disk-space", and Disable checks to switch off, such as
	// "resource-health".
	Enable, Disable []string
	// Rules are used instead of RuleFiles, Enable and Disable by programs that load rules themselves. Register and
	// Unregister then leave them alone.
	Rules *rules.Set
	// Policy are the limits of scores, and what components weigh; default rules.DefaultPolicy.
	Policy rules.Policy
	// Disks are the file systems to watch; default: that of /.
	Disks []collectors.Disk
	// Resources are what is watched of this machine, instead of Disks; nil: what the enabled checks look at, with the shipped
	// limits.
	Resources *collectors.ResourcesOptions
	// RunbookBaseURL is what runbook_url annotations begin with, instead of "/runbooks".
	RunbookBaseURL string
	// Shutdown says what is done when a rule asks for a stop, and how a stop goes.
	Shutdown Shutdown
}

// Shutdown says what is done when a rule asks for a stop, and how a stop goes.
type Shutdown struct {
	Mode       Mode                 // default Observe
	DrainDelay time.Duration        // default shutdown.DefaultDrainDelay, negative: none
	Timeout    time.Duration        // of the whole; default shutdown.DefaultTimeout
	Hooks      []shutdown.Component // what runs in mode Hooks, beside what the program registered with Exporter.Shutdown
}

// Mode is what happens when a rule asks for a stop.
type Mode string

// The modes.
const (
	Observe Mode = "observe" // nothing: it is recorded and shown
	Exit    Mode = "exit"    // this program stops
	Hooks   Mode = "hooks"   // the hooks run, then this program stops
)

// actionShutdown is the value of the label action that asks for a stop.
const actionShutdown = "shutdown"

// prepared are settings with all that follows from them, checked before anything live is touched.
type prepared struct {
	checks    []probes.Spec
	rules     *rules.Set
	policy    rules.Policy
	resources collectors.ResourcesOptions
	drain     time.Duration
	timeout   time.Duration
	hooks     []shutdown.Component
}

// measured reports whether anything of this machine is watched.
func (p prepared) measured() bool { return p.resources.Thresholds != collectors.ResourceThresholds{} }

// prepare fills in defaults and loads the rules. more are checks that the program registered later.
func (s *Settings) prepare(maxSeries int, more []probes.Spec) (p prepared, err error) {
	if s.Shutdown.Mode == "" {
		s.Shutdown.Mode = Observe
	}
	if !slices.Contains([]Mode{Observe, Exit, Hooks}, s.Shutdown.Mode) {
		return p, fmt.Errorf("Shutdown.Mode: invalid value %q: use observe, exit or hooks", s.Shutdown.Mode)
	}
	p.checks, p.rules, p.policy = s.checks(), s.Rules, s.Policy
	if p.policy.Healthy == 0 && p.policy.Degraded == 0 {
		defaults := rules.DefaultPolicy()
		p.policy.Healthy, p.policy.Degraded = defaults.Healthy, defaults.Degraded
	}
	if err := p.policy.Validate(); err != nil {
		return p, err
	}
	if s.Resources != nil {
		p.resources = *s.Resources
	} else if p.resources, err = s.defaultResources(); err != nil {
		return p, err
	}
	if p.rules == nil {
		if p.rules, err = rules.Load(s.ruleOptions(p, more)); err != nil {
			return p, err
		}
	}
	running := 0
	for _, c := range slices.Concat(p.checks, more) {
		if !c.Disabled {
			running++
		}
	}
	if err := evaluator.SeriesNeeded(p.rules, running).Fits(maxSeries); err != nil {
		return p, fmt.Errorf("MaxSeries: %w", err)
	}
	p.drain, p.timeout = s.Shutdown.DrainDelay, s.Shutdown.Timeout
	if p.drain == 0 {
		p.drain = shutdown.DefaultDrainDelay
	}
	p.drain = max(p.drain, 0)
	if p.timeout == 0 {
		p.timeout = shutdown.DefaultTimeout
	}
	if s.Shutdown.Mode == Hooks {
		p.hooks = s.Shutdown.Hooks
	}
	return p, nil
}

// checks are Checks with those disabled that Disable names.
func (s *Settings) checks() []probes.Spec {
	out := slices.Clone(s.Checks)
	for i := range out {
		out[i].Disabled = out[i].Disabled || slices.Contains(s.Disable, out[i].Name)
	}
	return out
}

// ruleOptions are what is loaded of rules.
func (s *Settings) ruleOptions(p prepared, more []probes.Spec) rules.Options {
	o := rules.Options{Own: s.RuleFiles, Enabled: s.Enable, Disabled: s.Disable, Actions: []string{actionShutdown}}
	if p.measured() {
		o.Components = append(o.Components, componentResources)
	}
	for _, c := range slices.Concat(p.checks, more) {
		o.Probes = append(o.Probes, c.Name)
		if c.Component != "" && !slices.Contains(o.Components, c.Component) {
			o.Components = append(o.Components, c.Component)
		}
	}
	// A probe is switched off by its Spec.
	o.Disabled = slices.DeleteFunc(slices.Clone(o.Disabled), func(name string) bool { return slices.Contains(o.Probes, name) })
	return o
}

// Apply puts changed settings into force, all of them or none. Checks that stay the same keep their counters and their
// proof, alerts their state; those registered by Register stay. Once a stop has begun it is an error. more is what the program
// changes itself, between the checks and the rules that judge them; it must not fail.
func (e *Exporter) Apply(ctx context.Context, s Settings, more ...func() error) error {
	e.changing.Lock()
	defer e.changing.Unlock()
	p, err := s.prepare(e.opts.MaxSeries, e.registered(s))
	if err != nil {
		return err
	}
	// A disk that is added has a value by the time that its check speaks for it.
	if err := e.resources.Prime(ctx, p.resources); err != nil {
		return err
	}
	e.quiet.Store(true)
	defer e.quiet.Store(false)
	before, err := e.switchTo(p, s.Shutdown.Mode)
	if err != nil {
		return err
	}
	if before == Observe && s.Shutdown.Mode != Observe {
		defer e.evaluator.Rearm() // what fires has only been observed
	}
	e.policy.Set(p.policy)
	for _, change := range append(more,
		func() error { return e.resources.Apply(p.resources) },
		func() error { return e.exposeResources(p.measured()) },
	) {
		err = errors.Join(err, change())
	}
	if err != nil {
		return err
	}
	e.settings = s
	e.evaluator.SetRunbookBaseURL(s.RunbookBaseURL)
	e.evaluator.SetRules(p.rules)
	return nil
}

// switchTo puts into force what an action could meet in the middle, unless the stop has begun, and returns the mode until
// then.
func (e *Exporter) switchTo(p prepared, mode Mode) (before Mode, err error) {
	e.switching.Lock()
	defer e.switching.Unlock()
	if err := e.manager.Apply(p.drain, p.timeout, p.hooks); err != nil {
		return "", err
	}
	if err := e.runner.Apply(p.checks); err != nil {
		return "", err
	}
	return *e.mode.Swap(&mode), nil
}

// registered are the checks that came by Register.
func (e *Exporter) registered(s Settings) []probes.Spec {
	configured := func(name string) bool {
		is := func(c probes.Spec) bool { return c.Name == name }
		return slices.ContainsFunc(s.Checks, is) || slices.ContainsFunc(e.settings.Checks, is)
	}
	return slices.DeleteFunc(e.runner.Checks(), func(c probes.Spec) bool { return configured(c.Name) })
}

// Register adds a check, also while the exporter runs, with the shipped rules of its component. The node is degraded until
// the check has passed once.
func (e *Exporter) Register(c probes.Spec) error {
	return e.change(func() error { return e.runner.Register(c) })
}

// Unregister removes a check. Its series end, and its history is dropped some time later. An unknown name changes nothing.
func (e *Exporter) Unregister(name string) error {
	return e.change(func() error {
		e.runner.Unregister(name)
		return nil
	})
}

// change changes the set of checks and loads the rules that it needs then.
func (e *Exporter) change(by func() error) error {
	e.changing.Lock()
	defer e.changing.Unlock()
	e.quiet.Store(true)
	defer e.quiet.Store(false)
	if err := by(); err != nil {
		return err
	}
	defer e.evaluator.Trigger()
	if e.settings.Rules != nil {
		return nil
	}
	p, err := e.settings.prepare(e.opts.MaxSeries, e.registered(e.settings))
	if err != nil {
		return fmt.Errorf("load the rules for the changed checks: %w", err)
	}
	e.evaluator.SetRules(p.rules)
	return nil
}

// exposeResources exposes what is measured of this machine, or no longer: a check that is off has no series.
func (e *Exporter) exposeResources(on bool) error {
	if !on {
		e.registry.Unregister(e.resources)
		return nil
	}
	err := e.registry.Register(e.resources)
	if known, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok && known.ExistingCollector == e.resources {
		return nil
	}
	if err != nil {
		return fmt.Errorf("register the metrics of resources: %w", err)
	}
	return nil
}
