package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

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
		if near := alike(name, slices.Collect(maps.Keys(known))); len(near) > 0 {
			slices.Sort(near)
			hint = fmt.Sprintf("did you mean %q?", near[0])
		}
		out = append(out, fmt.Sprintf("%s: unknown metric %q%s: nothing here exposes it; %s", places[0], name, more, hint))
	}
	return out
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
