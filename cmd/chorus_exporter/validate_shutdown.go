package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"chorus"
	"chorus/probes/sql/dsn"
)

// maxFleet is how many exporters a fleet has at the most.
const maxFleet = 1000

// maxFleetInterval keeps the three intervals after which a member is unseen under the minute that the shipped rule waits:
// who is cut off from the fleet notices before its minute is over.
const maxFleetInterval = 15 * time.Second

// minPriority is the lowest of a hook; the exporter's own is under it.
const minPriority = -1000

// exitReserve is what the exporter's own end needs of shutdown.timeout.
const exitReserve = time.Second

// checkShutdown completes the hooks and reports what is wrong with how the process ends.
func (c *loaded) checkShutdown() {
	s := &c.Shutdown
	c.span("shutdown.drain_delay", s.DrainDelay, 0, 10*time.Minute)
	c.span("shutdown.timeout", s.Timeout, exitReserve, time.Hour)
	if s.Timeout <= s.DrainDelay {
		field := "shutdown.timeout"
		c.add(c.line(field), field, "%v is not longer than shutdown.drain_delay, %v, which it includes; raise it",
			s.Timeout, s.DrainDelay)
	}
	c.oneOf("shutdown.mode", s.Mode, modeObserve, modeExit, modeHooks)
	s.completeHooks(func(hook int, field string) bool {
		_, set := c.lines[fmt.Sprintf("shutdown.hooks[%d].%s", hook, field)]
		return set
	})
	switch {
	case s.Mode == modeHooks && len(s.Hooks) == 0:
		c.add(c.line("shutdown.mode"), "shutdown.mode", "mode \"hooks\" needs at least one entry in shutdown.hooks")
	case s.Mode == modeExit && len(s.Hooks) > 0:
		c.add(c.line("shutdown.hooks"), "shutdown.hooks", "do not run with shutdown.mode exit; choose mode hooks, or remove them")
	}
	for i := range s.Hooks {
		c.checkHook(i)
	}
	c.checkFleet()
}

func (c *loaded) checkHook(i int) {
	h, at := &c.Shutdown.Hooks[i], fmt.Sprintf("shutdown.hooks[%d]", i)
	switch {
	case h.Name == "":
		c.add(c.line(at+".name"), at+".name", "is missing; name the hook, the log and /health/shutdown call it so")
	case !checkName.MatchString(h.Name) || h.Name == chorus.SelfComponent:
		c.add(c.line(at+".name"), at+".name", "invalid hook name %q; use up to 128 letters, digits, '.', '_' and '-', and not %s",
			h.Name, chorus.SelfComponent)
	case slices.IndexFunc(c.Shutdown.Hooks, func(o Hook) bool { return o.Name == h.Name }) < i:
		c.add(c.line(at+".name"), at+".name", "%q is taken by a hook above; choose another", h.Name)
	}
	c.oneOf(at+".phase", h.Phase, phaseNames()...)
	c.oneOf(at+".when", h.When, whenRule, whenAlways)
	c.span(at+".timeout", h.Timeout, 10*time.Millisecond, time.Hour)
	if left := c.Shutdown.Timeout - c.Shutdown.DrainDelay; h.Timeout > left && left > 0 {
		c.add(c.line(at+".timeout"), at+".timeout", "%v is longer than the %v that shutdown.timeout leaves after "+
			"shutdown.drain_delay; shorten it, or raise shutdown.timeout", h.Timeout, left)
	}
	c.count(at+".priority", h.Priority, minPriority, -minPriority)
	kinds := 0
	for _, there := range []bool{h.Post != HookPost{}, h.Command != nil, h.Signal != HookSignal{}} {
		if there {
			kinds++
		}
	}
	garbled := func(p problem) bool { return strings.HasPrefix(p.field, at+".") }
	if kinds == 0 && slices.ContainsFunc(c.list, garbled) {
		return // what it should do may be what is garbled
	}
	if kinds != 1 {
		c.add(c.line(at), at, "has %d of post, command and signal; a hook does exactly one thing", kinds)
		return
	}
	c.checkHookDoes(h, at)
}

// checkHookDoes judges the one thing that a hook does, by making it.
func (c *loaded) checkHookDoes(h *Hook, at string) {
	switch {
	case h.Command != nil:
		at += ".command"
	case h.Post != HookPost{}:
		at += ".post"
		c.count(at+".retries", h.Post.Retries, 0, 100)
		if h.Post.TokenFile != "" {
			h.Post.TokenFile = c.path(h.Post.TokenFile)
			if _, err := h.Post.token(); err != nil {
				field := at + ".bearer_token_file"
				c.add(c.line(field), field, "can't be read: %v; name a file with nothing but the token", dsn.Pathless(err))
			}
		}
	default:
		at += ".signal"
		if h.Signal.PIDFile != "" {
			h.Signal.PIDFile = absolute(c.path(h.Signal.PIDFile))
		}
		if h.Signal.Executable != "" && !filepath.IsAbs(h.Signal.Executable) {
			field := at + ".executable"
			c.add(c.line(field), field, "%q is relative; write the absolute path", h.Signal.Executable)
		}
	}
	if _, err := h.step(); err != nil {
		text := err.Error()
		if _, rest, ok := strings.Cut(text, " step: "); ok { // without the prefix that says who found it
			text = rest
		}
		c.add(c.line(at), at, "%s", text)
	}
}

// checkFleet judges the exporters that are asked before this node is stopped.
func (c *loaded) checkFleet() {
	f, field := &c.Shutdown.Fleet, "shutdown.max_unhealthy_ratio"
	if r := c.Shutdown.MaxUnhealthyRatio; !(r > 0 && r < 1) {
		c.add(c.line(field), field, "%v is out of range; choose a ratio between 0 and 1, such as 0.34", r)
	}
	field = "shutdown.fleet.exporters"
	if len(f.Exporters) == 0 {
		if c.sets("shutdown.fleet") {
			c.add(c.line("shutdown.fleet"), field, "is missing; list the peer ids of the other exporters, or remove shutdown.fleet")
		}
		return
	}
	if !c.joins() {
		c.add(c.line(field), field, "needs p2p.targets: the exporters speak to each other through the cluster")
	}
	if len(f.Exporters) > maxFleet {
		c.add(c.line(field), field, "has %d entries; list at most %d", len(f.Exporters), maxFleet)
	}
	for i, text := range f.Exporters {
		at := fmt.Sprintf("%s[%d]", field, i)
		c.checkPeer(at, text)
		if slices.Index(f.Exporters, text) < i {
			c.add(c.line(at), at, "%q is listed twice; keep one", text)
		}
	}
	c.span("shutdown.fleet.interval", f.Interval, 250*time.Millisecond, maxFleetInterval)
	c.oneOf("shutdown.fleet.unseen", f.Unseen, unseenHold, unseenPermit)
	if f.Topic == "" || f.Topic == c.P2P.Pubsub.Topic || c.observes() && f.Topic == c.Election.Topic {
		c.add(c.line("shutdown.fleet.topic"), "shutdown.fleet.topic", "%q is empty or has other messages; choose a topic of its own",
			f.Topic)
	}
}

// sets says whether the file has the key itself.
func (c *loaded) sets(field string) bool {
	_, set := c.lines[field]
	return set
}
