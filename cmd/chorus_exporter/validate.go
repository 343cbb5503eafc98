package main

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/common/model"
)

// check reports every value that is of the right type and invalid all the same.
func (c *loaded) check() {
	c.checkText("node_id", c.NodeID)
	c.checkText("version", c.Version)
	c.span("evaluation_interval", c.EvaluationInterval, 100*time.Millisecond, time.Minute)
	// Longer than the "for" of CheckUnprovenCritical, with time for two slow evaluations: else a node whose critical checks
	// never passed would be degraded, so 200, between the end of starting and unhealthy.
	c.span("startup_timeout", c.StartupTimeout, time.Minute, time.Hour)
	c.span("stall_timeout", c.StallTimeout, max(minStallTimeout, 2*time.Duration(c.EvaluationInterval)), time.Hour)
	c.span("history.cleanup_interval", c.History.CleanupInterval, time.Second, 24*time.Hour)
	c.checkMaxSeries()
	c.checkRunbookBaseURL()
	c.count("history.max_entries", c.History.MaxEntries, 1, 100000)
	c.count("thresholds.max_failed_probes", c.Thresholds.MaxFailedProbes, 1, 1000)
	c.checkRatios()
	c.checkDisks()
	c.checkDatabases()
	c.checkWeights()
	c.checkSwarm()
	c.checkShutdown()
	for name, check := range c.Checks {
		c.checkTiming(name, check)
	}
	c.checkDisable()
	c.checkMeasured()
}

// minStallTimeout leaves each part of an evaluation a quarter of a second, see the bounds in docs/rules.md.
const minStallTimeout = time.Second

// checkText judges a text that /health shows: if it is set, people must be able to read it.
func (c *loaded) checkText(field, text string) {
	const most = 255
	_, set := c.lines[field]
	switch {
	case !set:
	case strings.TrimSpace(text) == "":
		c.add(c.line(field), field, "empty; set a value, or remove the key to keep the default")
	case len(text) > most:
		c.add(c.line(field), field, "longer than %d bytes; use a short name", most)
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		c.add(c.line(field), field, "%q has a character that cannot be printed; use letters, digits and signs", text)
	}
}

func (c *loaded) span(field string, d model.Duration, low, high time.Duration) {
	if t := time.Duration(d); t < low || t > high {
		c.add(c.line(field), field, "%v is out of range; choose from %v to %v", d, model.Duration(low), model.Duration(high))
	}
}

func (c *loaded) count(field string, n, low, high int) {
	if n < low || n > high {
		c.add(c.line(field), field, "%d is out of range; choose from %d to %d", n, low, high)
	}
}

func (c *loaded) checkRatios() {
	for _, r := range []struct {
		field string
		value float64
	}{
		{"thresholds.healthy", c.Thresholds.Healthy},
		{"thresholds.degraded", c.Thresholds.Degraded},
	} {
		if !(r.value > 0 && r.value < 1) { // NaN is neither
			c.add(c.line(r.field), r.field, "%v is out of range; choose a ratio between 0 and 1, such as 0.9", r.value)
		}
	}
	if t := c.Thresholds; t.Degraded > t.Healthy {
		field := "thresholds.degraded"
		c.add(c.line(field), field, "%v is over thresholds.healthy, %v; lower it", t.Degraded, t.Healthy)
	}
}

func (c *loaded) checkWeights() {
	for name, component := range c.Components {
		if w := component.Weight; w != nil && !(*w >= 0 && *w <= math.MaxFloat32) {
			field := "components." + name + ".weight"
			c.add(c.line(field), field, "%v is out of range; choose 0 (does not count), 1 (the default) or more", *w)
		}
	}
}

// checkTiming judges what the file says of one check, whatever decides it.
func (c *loaded) checkTiming(name string, check Check) {
	field := "checks." + name
	if check.FailureThreshold != nil {
		c.count(field+".failure_threshold", *check.FailureThreshold, 1, 1000)
	}
	if check.Interval != nil {
		c.span(field+".interval", *check.Interval, 100*time.Millisecond, 24*time.Hour)
	}
	if check.Timeout != nil {
		c.span(field+".timeout", *check.Timeout, 10*time.Millisecond, time.Hour)
	}
	eff := c.effective(name)
	if eff.timeout() > eff.interval() && (check.Interval != nil || check.Timeout != nil) {
		c.add(c.line(field), field, "timeout %v is longer than interval %v; set a timeout that fits into the interval",
			*eff.Timeout, *eff.Interval)
	}
}

func (c *loaded) checkDisable() {
	for i, name := range c.Disable {
		field := fmt.Sprintf("disable[%d]", i)
		enabled := "checks." + name + ".enabled"
		if _, set := c.lines[enabled]; set && c.Checks[name].enabled() {
			c.add(c.line(field), field, "%q is enabled under checks, line %d; keep one of the two", name, c.line(enabled))
		}
		if slices.Index(c.Disable, name) < i {
			c.add(c.line(field), field, "%q is listed twice; keep one", name)
		}
	}
}

// kind is the entry of check_defaults that holds for a check.
func (c *loaded) kind(name string) string {
	switch {
	case c.isDatabase(name):
		return "database"
	case c.isSwarmProbe(name):
		return "probe"
	}
	return "rule"
}

func (c *loaded) isDatabase(name string) bool {
	return slices.ContainsFunc(c.Databases, func(d Database) bool { return d.Name == name })
}

// effective is everything that holds for a check, the defaults of its kind included.
func (c *loaded) effective(name string) Check {
	kind := c.kind(name)
	check := c.CheckDefaults[kind]
	if kind != "rule" {
		threshold := c.Thresholds.MaxFailedProbes
		base := Check{FailureThreshold: &threshold}
		check = base.over(c.CheckDefaults["probe"]).over(check)
	}
	check = check.over(c.Checks[name])
	enabled := check.enabled() && !slices.Contains(c.Disable, name)
	check.Enabled = &enabled
	return check
}

// checkName is what a check may be called: it becomes a label value and a path of the API.
var checkName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$`)

// Bounds of max_series. Under the lower one the shipped rules may not fit; at the upper one the series take over 1 GB.
const minSeries, maxSeries = 1000, 200_000

func (c *loaded) checkMaxSeries() {
	if n := c.MaxSeries; n < minSeries || n > maxSeries {
		c.add(c.line("max_series"), "max_series", "%d is out of range; choose from %d, which the shipped rules need, to %d, "+
			"which take over 1 GB of memory", n, minSeries, maxSeries)
	}
}

// checkRunbookBaseURL checks what alerts send people to. It repeats nothing of what may be a secret.
func (c *loaded) checkRunbookBaseURL() {
	const field = "runbook_base_url"
	text := c.RunbookBaseURL
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil, strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		c.add(c.line(field), field, "invalid URL; use one such as https://wiki.example.net/chorus")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		c.add(c.line(field), field, "not an http or https URL; use one such as https://wiki.example.net/chorus")
	case u.User != nil:
		c.add(c.line(field), field, "contains a user name or password, which every alert would show; remove it")
	case strings.ContainsAny(text, "?#"):
		c.add(c.line(field), field, "contains a query or fragment; use a URL to which \"/CheckNoData\" can be added")
	default:
		c.RunbookBaseURL = strings.TrimRight(text, "/")
	}
}
