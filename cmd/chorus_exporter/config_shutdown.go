package main

import (
	"cmp"
	"slices"

	"github.com/prometheus/common/model"
)

// Shutdown says what is done when a rule asks for it, and how the process ends.
type Shutdown struct {
	// `observe`: what would have happened is recorded and shown; `exit`: this process stops; `hooks`: the hooks run, then
	// this process stops.
	Mode string `yaml:"mode"` // one of the modes below
	// How long a process that was told to stop goes on answering, with status `stopping`, so that load balancers see it
	// leave.
	DrainDelay model.Duration `yaml:"drain_delay"`
	// Bound of the whole, the drain included.
	Timeout model.Duration `yaml:"timeout"`
	// With a fleet: the share of it up to which exporters may be unhealthy, stopping or unseen for a rule to stop this
	// one.
	MaxUnhealthyRatio float64 `yaml:"max_unhealthy_ratio"`
	// The other exporters of the cluster, which tell each other how they are. It is configured as soon as it has
	// exporters; see [fleet.md](fleet.md).
	Fleet        Fleet `yaml:"fleet,omitempty"`
	HookDefaults Hook  `yaml:"hook_defaults,omitempty"` // only in the embedded defaults
	// What runs, in order, in mode `hooks` alone.
	Hooks []Hook `yaml:"hooks,omitempty"`
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
	// Peer ids of the other exporters of the cluster, those of their hosts `gossip-b`; needs `p2p`.
	Exporters []string `yaml:"exporters,omitempty"`
	// Topic on which exporters tell each other how they are; a node must be on it.
	Topic string `yaml:"topic,omitempty"`
	// Time between two messages of an exporter; three of them without one, and it is unseen; at most 15s, so that who is
	// cut off notices within the minute that the rule waits.
	Interval model.Duration `yaml:"interval,omitempty"`
	// `hold`: an unseen exporter counts as unhealthy; `permit`: it does not count.
	Unseen string `yaml:"unseen,omitempty"`
}

// What an exporter of the fleet counts as that nothing is heard of.
const (
	unseenHold   = "hold"   // unhealthy
	unseenPermit = "permit" // nothing: those decide that are heard
)

// Hook is a step of an orderly stop. It has exactly one of Post, Command and Signal.
type Hook struct {
	// What the log and `/health/shutdown` call it. Default: required.
	Name string `yaml:"name"`
	// `pre-shutdown`, `shutdown` or `post-shutdown`: each ends before the next begins.
	Phase string `yaml:"phase"`
	// Within a phase, higher ones first, equal ones together. Default: `0`.
	Priority int `yaml:"priority"`
	// Its own bound, inside that of the whole.
	Timeout model.Duration `yaml:"timeout"`
	// `rule`: only if a rule asked for the shutdown; `always`: also when the exporter itself is told to stop by a signal.
	When string `yaml:"when"`
	// A request by HTTP POST.
	Post HookPost `yaml:"post,omitempty"`
	// Or a program and its arguments, as a list; run without a shell, with an absolute path.
	Command []string `yaml:"command,omitempty"`
	// Or a signal to the process of a pid file.
	Signal HookSignal `yaml:"signal,omitempty"`
}

// When a hook runs.
const (
	whenRule   = "rule"   // if a rule asked for the shutdown
	whenAlways = "always" // also after a signal to the exporter itself
)

// HookPost asks by HTTP POST.
type HookPost struct {
	// What is asked; any 2xx is success. `/config` shows it without user, password and query. Default: required.
	URL Secret `yaml:"url,omitempty"`
	// A file with nothing but the token to send, read each time.
	TokenFile string `yaml:"bearer_token_file,omitempty"`
	// What is sent; `/config` shows it, so a token belongs in `bearer_token_file`. Default: empty.
	Body string `yaml:"body,omitempty"`
	// Attempts after the first, with growing pauses.
	Retries int `yaml:"retries"`
}

// HookSignal sends a signal to the process of a pid file, once it is known to be the configured one.
type HookSignal struct {
	// A file with the pid of a process that gets a signal; done when it has gone. Default: required.
	PIDFile string `yaml:"pid_file,omitempty"`
	// The program that this process must be running, an absolute path. Default: required.
	Executable string `yaml:"executable,omitempty"`
	// `TERM`, `INT`, `HUP`, `QUIT`, `USR1` or `USR2`.
	Name string `yaml:"name,omitempty"`
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
