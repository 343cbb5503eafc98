package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"chorus/rules"
)

// unexposed returns a warning for each metric that a custom rule reads and nothing here exposes, with the places of the
// rules. What the shipped rules read may be missing: they are written for that.
func (p *plan) unexposed() (out []string) {
	known := p.exposed()
	exposes := func(name string) bool { return known[name] || known[family(name)] }
	reads := p.rules.Metrics()
	for _, name := range slices.Sorted(maps.Keys(reads)) {
		places := reads[name]
		if exposes(name) || slices.ContainsFunc(places, p.isShipped) {
			continue
		}
		more := ""
		if n := len(places) - 1; n > 0 {
			more = fmt.Sprintf(" (and in %d more places)", n)
		}
		hint := "its check is never proven"
		if near := closest(name, known); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		out = append(out, fmt.Sprintf("%s: unknown metric %q%s: nothing here exposes it; %s", places[0], name, more, hint))
	}
	return out
}

// closest returns the known metric that was perhaps meant: with some letters changed, or with its unit. "" if there is none.
func closest(name string, known map[string]bool) (best string) {
	if len(name) > maxCompared {
		return ""
	}
	least := max(1, len(name)/8) + 1
	for _, k := range slices.Sorted(maps.Keys(known)) {
		d := levenshtein.ComputeDistance(name, k)
		if strings.HasPrefix(k, name+"_") {
			d = 1
		}
		if d < least {
			best, least = k, d
		}
	}
	return best
}

// idle returns a note for each metric that a custom rule reads and only a part of the exporter exposes that is not
// configured.
func (p *plan) idle() (out []string) {
	reads := p.rules.Metrics()
	for _, name := range slices.Sorted(maps.Keys(reads)) {
		i := slices.IndexFunc(reads[name], func(place string) bool { return !p.isShipped(place) })
		if need := p.config.missing(name); i >= 0 && need != "" {
			out = append(out, fmt.Sprintf("%s: metric %q is not exposed here: %s", reads[name][i], name, need))
		}
	}
	return out
}

// missing returns what a metric of ours waits for, "" if nothing or unknown.
func (c *loaded) missing(metric string) string {
	_, resources := c.resourceOptions(nil)
	for _, m := range []struct {
		prefix string
		there  bool
		need   string
	}{
		{"chorus_p2p_", c.joins(), "configure p2p.targets"},
		{"chorus_pubsub_", c.joins(), "configure p2p.targets"},
		{"chorus_dht_", c.joins(), "configure p2p.targets"},
		{"chorus_replication_", c.joins(), "configure p2p.targets"},
		{"chorus_election_", c.observes(), "configure election"},
		{"chorus_fleet_", c.guarded(), "configure shutdown.fleet"},
		{"chorus_resource_", resources, "enable resource-health, disk-space or memory-usage"},
	} {
		if !m.there && strings.HasPrefix(metric, m.prefix) {
			return m.need
		}
	}
	return ""
}

// exposed returns the metrics that something here can expose: those of the table of names, of the collectors of this
// process, and of the rules.
func (p *plan) exposed() map[string]bool {
	known := map[string]bool{}
	for _, n := range rules.Names() {
		known[n.Name] = true
	}
	registry := prometheus.NewRegistry()
	for _, c := range ownCollectors() {
		registry.MustRegister(c)
	}
	// The metrics of /metrics itself.
	scrape := promhttp.HandlerOpts{Registry: registry}
	promhttp.InstrumentMetricHandler(registry, promhttp.HandlerFor(registry, scrape))
	families, _ := registry.Gather() // what cannot be read here is not exposed either
	for _, f := range families {
		known[f.GetName()] = true
	}
	for _, g := range p.rules.Groups() {
		for _, r := range g.Rules {
			if r.Record != "" {
				known[r.Record] = true
			}
		}
	}
	return known
}

// family returns the metric that a part of a histogram or summary belongs to, else the name itself.
func family(name string) string {
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		if of, ok := strings.CutSuffix(name, part); ok {
			return of
		}
	}
	return name
}

// isShipped reports whether a place, "file:line", is in a shipped file.
func (p *plan) isShipped(place string) bool {
	return !slices.ContainsFunc(p.config.RuleFiles, func(file string) bool { return strings.HasPrefix(place, file+":") })
}
