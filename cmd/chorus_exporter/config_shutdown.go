package main

import (
	"cmp"
	"slices"

	"github.com/prometheus/common/model"
)

// Shutdown says what is done when a rule asks for it, and how the process ends.
type Shutdown struct {
	Mode string `yaml:"mode"` // one of the modes below
	// DrainDelay is how long a stopping process goes on answering, so that load balancers see it leave.
	DrainDelay model.Duration `yaml:"drain_delay"`
	Timeout    model.Duration `yaml:"timeout"` // of the whole, the drain included
	// MaxUnhealthyRatio is the share of the fleet up to which a rule may stop this node; it counts where there is a fleet.
	MaxUnhealthyRatio float64 `yaml:"max_unhealthy_ratio"`
	Fleet             Fleet   `yaml:"fleet,omitempty"`
	HookDefaults      Hook    `yaml:"hook_defaults,omitempty"` // only in the embedded defaults
	Hooks             []Hook  `yaml:"hooks,omitempty"`
}

// What happens when an action rule asks for a shutdown.
const (
	modeObserve = "observe" // nothing: it is recorded and shown
	modeExit    = "exit"    // this process stops
	modeHooks   = "hooks"   // the hooks run, then this process stops
)

// Fleet are the other exporters of the cluster, which tell each other how they are. It is configured as soon as it has
// exporters.
type Fleet struct {
	Exporters []string       `yaml:"exporters,omitempty"` // their peer ids, those of their hosts gossip-b
	Topic     string         `yaml:"topic,omitempty"`
	Interval  model.Duration `yaml:"interval,omitempty"`
	Unseen    string         `yaml:"unseen,omitempty"` // hold or permit
}

// What an exporter of the fleet counts as that nothing is heard of.
const (
	unseenHold   = "hold"   // unhealthy
	unseenPermit = "permit" // nothing: those decide that are heard
)

// Hook is a step of an orderly stop. It has exactly one of Post, Command and Signal.
type Hook struct {
	Name     string         `yaml:"name"`
	Phase    string         `yaml:"phase"`
	Priority int            `yaml:"priority"` // higher first, equal ones together
	Timeout  model.Duration `yaml:"timeout"`
	When     string         `yaml:"when"` // rule or always
	Post     HookPost       `yaml:"post,omitempty"`
	Command  []string       `yaml:"command,omitempty"`
	Signal   HookSignal     `yaml:"signal,omitempty"`
}

// When a hook runs.
const (
	whenRule   = "rule"   // if a rule asked for the shutdown
	whenAlways = "always" // also after a signal to the exporter itself
)

// HookPost asks by HTTP POST.
type HookPost struct {
	URL       Secret `yaml:"url,omitempty"`
	TokenFile string `yaml:"bearer_token_file,omitempty"` // read at each request
	Body      string `yaml:"body,omitempty"`
	Retries   int    `yaml:"retries"`
}

// HookSignal sends a signal to the process of a pid file, once it is known to be the configured one.
type HookSignal struct {
	PIDFile    string `yaml:"pid_file,omitempty"`
	Executable string `yaml:"executable,omitempty"`
	Name       string `yaml:"name,omitempty"` // TERM, INT, HUP, QUIT, USR1 or USR2
}

// guarded says whether a fleet is configured.
func (c *loaded) guarded() bool { return c.joins() && len(c.Shutdown.Fleet.Exporters) > 0 }

// completeHooks fills in what hooks leave out. set says whether the file sets a field.
func (s *Shutdown) completeHooks(set func(hook int, field string) bool) {
	d := s.HookDefaults
	for i := range s.Hooks {
		h := &s.Hooks[i]
		h.Phase, h.When = cmp.Or(h.Phase, d.Phase), cmp.Or(h.When, d.When)
		if !set(i, "timeout") {
			h.Timeout = d.Timeout
			if left := s.Timeout - s.DrainDelay; left > 0 {
				h.Timeout = min(h.Timeout, left)
			}
		}
		if h.Post.URL != "" && !set(i, "post.retries") {
			h.Post.Retries = d.Post.Retries
		}
		if h.Signal.PIDFile != "" {
			h.Signal.Name = cmp.Or(h.Signal.Name, d.Signal.Name)
		}
	}
}

// shown is s without what is in each hook now, or in force nowhere, and with paths that any program understands.
func (s Shutdown) shown(guarded bool) Shutdown {
	s.HookDefaults = Hook{}
	if !guarded {
		s.Fleet = Fleet{}
	}
	s.Hooks = slices.Clone(s.Hooks)
	for i := range s.Hooks {
		s.Hooks[i].Post.URL = s.Hooks[i].Post.URL.withoutQuery()
		for _, file := range []*string{&s.Hooks[i].Post.TokenFile, &s.Hooks[i].Signal.PIDFile} {
			if *file != "" {
				*file = absolute(*file)
			}
		}
	}
	return s
}
