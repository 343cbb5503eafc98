package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"chorus/rules"
)

// checkConfig is --config.check: it prints every fault of the configuration and its rules to stderr, and returns the
// exit code. A metric that a rule reads and nothing exposes is a fault here: such a rule never fires.
func checkConfig(f *flags, stdout, stderr io.Writer) int {
	p, err := prepare(f.configFile, nil, log.NewNopLogger())
	if webErr := toolkit.Validate(*f.web.WebConfigFile); webErr != nil {
		err = errors.Join(err, fmt.Errorf("%s: %w", *f.web.WebConfigFile, webErr))
	}
	if p != nil {
		err = errors.Join(err, p.closeUnless(nil)) // they are connected to nothing
		for _, w := range p.config.warnings() {
			fmt.Fprintf(stderr, "warning: %s\n", w)
		}
		for _, w := range p.rules.Warnings() {
			fmt.Fprintf(stderr, "warning: %v\n", w)
		}
		for _, fault := range p.unexposed() {
			err = errors.Join(err, errors.New(fault))
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitError
	}
	fmt.Fprintf(stdout, "OK: %s\n", p.summary())
	return exitOK
}

// unexposed are the metrics that own rules read and nothing here exposes, each with its place. What the shipped rules
// read may be missing: they are written for that.
func (p *plan) unexposed() []string {
	known := map[string]bool{}
	for _, n := range rules.Names() {
		known[n.Name] = true
	}
	registry := prometheus.NewRegistry()
	for _, c := range ownCollectors() {
		registry.MustRegister(c)
	}
	families, _ := registry.Gather() // what can't be read here is not exposed either
	for _, f := range families {
		known[f.GetName()] = true
	}
	for name, places := range p.rules.Metrics() {
		known[name] = known[name] || slices.ContainsFunc(places, p.isShipped)
	}
	return p.rules.Unexposed(func(name string) bool { return known[name] })
}

// isShipped says of a place, "file:line", whether it is in a shipped file.
func (p *plan) isShipped(place string) bool {
	own := func(file string) bool { return strings.HasPrefix(place, file+":") }
	return !slices.ContainsFunc(p.config.RuleFiles, own)
}
