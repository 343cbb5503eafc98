package main

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// metric is what is known of a name.
type metric struct {
	kind string // counter, gauge or histogram
	help string
}

// catalog holds every name that a dashboard may use, and the alerts of a Prometheus server.
type catalog struct {
	metrics map[string]metric
	alerts  []string
}

// foreign are names that are not ours: of client_golang's collectors, which the golden files leave out since they differ
// from machine to machine, and of Prometheus itself.
var foreign = map[string]metric{
	"ALERTS":                        {"gauge", "Constant 1 for every alert of the Prometheus server that is pending or firing."},
	"go_goroutines":                 {"gauge", "Number of goroutines that currently exist."},
	"process_cpu_seconds_total":     {"counter", "Total user and system CPU time spent in seconds."},
	"process_max_fds":               {"gauge", "Maximum number of open file descriptors."},
	"process_open_fds":              {"gauge", "Number of open file descriptors."},
	"process_resident_memory_bytes": {"gauge", "Resident memory size in bytes."},
	"process_start_time_seconds":    {"gauge", "Start time of the process since unix epoch in seconds."},
	"up":                            {"gauge", "Whether the last scrape of the target succeeded (1) or not (0)."},
	"scrape_duration_seconds":       {"gauge", "Duration of the scrape, as the Prometheus server measured it."},
}

// The files that names come from: what is exposed, by the tests that compare it; what is exposed only now and then, such
// as an alert that fires; and what a Prometheus server records.
const (
	goldenFiles = "cmd/chorus_exporter/testdata/metrics*.golden"
	namesFile   = "rules/names.yml"
	alertFiles  = "alerts/*.rules.yml"
)

var (
	goldenLine = regexp.MustCompile(`^# (HELP|TYPE) (\S+) (.*)$`)
	namesLine  = regexp.MustCompile(`^ {2}- \{name: (\w+), type: (\w+), .*help: "(.*)"\}$`)
	alertsLine = regexp.MustCompile(`^\s*- (record|alert): (\S+)$`)
)

func readCatalog(root string) (*catalog, error) {
	c := &catalog{metrics: map[string]metric{}}
	maps.Copy(c.metrics, foreign)
	return c, errors.Join(
		readLines(root, namesFile, namesLine, func(_ string, m []string) { c.metrics[m[1]] = metric{m[2], m[3]} }),
		readLines(root, goldenFiles, goldenLine, func(_ string, m []string) {
			known := c.metrics[m[2]]
			if m[1] == "TYPE" {
				known.kind = m[3]
			} else {
				known.help = m[3]
			}
			c.metrics[m[2]] = known
		}),
		readLines(root, alertFiles, alertsLine, func(file string, m []string) {
			if m[1] == "alert" {
				c.alerts = append(c.alerts, m[2])
			} else {
				c.metrics[m[2]] = metric{"gauge", "Recorded by alerts/" + file + "."}
			}
			slices.Sort(c.alerts)
			c.alerts = slices.Compact(c.alerts)
		}),
	)
}

// readLines hands out the lines that match, of every file that the pattern names. There must be some: a file whose form
// has changed must not pass for one that is empty.
func readLines(root, pattern string, line *regexp.Regexp, take func(file string, match []string)) error {
	files, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil {
		return err
	}
	found := false
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		s := bufio.NewScanner(f)
		for s.Scan() {
			if m := line.FindStringSubmatch(s.Text()); m != nil {
				found = true
				take(filepath.Base(file), m)
			}
		}
		err = errors.Join(s.Err(), f.Close())
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
	}
	if !found {
		return fmt.Errorf("%s: no metric found there", pattern)
	}
	return nil
}

// named finds the metrics of an expression: in these tables each of them has braces, and nothing else has.
var named = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\{`)

// find returns the metric that a series belongs to: of a histogram, the one without _bucket, _count and _sum.
func (c *catalog) find(series string) (string, metric, bool) {
	if m, ok := c.metrics[series]; ok {
		return series, m, true
	}
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		name := strings.TrimSuffix(series, suffix)
		if m, ok := c.metrics[name]; ok && name != series && m.kind == "histogram" {
			return name, m, true
		}
	}
	return "", metric{}, false
}

// used returns the metrics of an expression in their order, each once.
func (c *catalog) used(expr string) ([]string, error) {
	var names []string
	for _, m := range named.FindAllStringSubmatch(expr, -1) {
		name, _, ok := c.find(m[1])
		if !ok {
			return nil, fmt.Errorf("%s: neither /metrics (%s, %s) nor %s has that metric", m[1], goldenFiles, namesFile, alertFiles)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// check refuses a dashboard that reads what nobody writes, or reads it as what it is not.
func (c *catalog) check(d dashboard) error {
	var faults []error
	for _, r := range d.rows {
		for _, p := range r.panels {
			for _, q := range p.queries {
				if err := c.checkQuery(q.expr); err != nil {
					faults = append(faults, fmt.Errorf("panel %q: %w", p.title, err))
				}
			}
		}
	}
	return errors.Join(faults...)
}

var rated = regexp.MustCompile(`(rate|increase)\(([a-zA-Z_:][a-zA-Z0-9_:]*)\{[^}]*\}\[([^\]]*)\]`)

func (c *catalog) checkQuery(expr string) error {
	if _, err := c.used(expr); err != nil {
		return err
	}
	for _, m := range rated.FindAllStringSubmatch(expr, -1) {
		if name, known, _ := c.find(m[2]); known.kind == "gauge" {
			return fmt.Errorf("%s(%s): it is a gauge", m[1], name)
		}
		if m[3] != "$__rate_interval" && m[3] != "$__range" {
			return fmt.Errorf("%s(%s[%s]): want $__rate_interval, or $__range for what happened in the whole time shown", m[1], m[2], m[3])
		}
	}
	return nil
}

// unit is Grafana's unit of what a query shows, as the name of its metric has it.
func unit(name string) string {
	switch {
	case strings.HasSuffix(name, "_ratio") || strings.Contains(name, ":ratio"):
		return "percentunit"
	case strings.HasSuffix(name, "_seconds"):
		return "s"
	case strings.HasSuffix(name, "_bytes"):
		return "bytes"
	case strings.HasSuffix(name, "_total"):
		return "cpm"
	default:
		return "short"
	}
}
