package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"chorus/rules"
)

// All metrics with help, type and labels, without their values: what users build on.
func TestMetricsGolden(t *testing.T) {
	c := start(t, "--config.file="+write(t, "chorus.yml", `
node_id: golden
evaluation_interval: 200ms
databases:
  - {driver: sqlite, dsn: `+sqliteFile(t)+`}
checks:
  database-connectivity: {interval: 500ms, timeout: 400ms}
components:
  database: {weight: 2, key: true}
`))
	c.eventually("everything has been measured", func() bool {
		_, h := c.health("/health")
		return h.Status != "starting" && c.metric(`chorus_health_check_healthy{check_name="resource-health"}`) != "" &&
			c.metric(`chorus_health_check_detail{check_name="database-connectivity",detail="p95_seconds"}`) != ""
	})
	_, body := c.get("/metrics")
	golden(t, "testdata/metrics.golden", masked(body))
	compareNames(t, body)
}

// compareNames compares /metrics with the table of names: what is exposed stands there with that type and help, and
// what code measures is exposed.
func compareNames(t *testing.T, body string) {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	unset := map[string]bool{
		"chorus_shutdown_max_unhealthy_ratio": true, // exists while it is configured
	}
	for _, n := range rules.Names() {
		f := families[n.Name]
		delete(families, n.Name)
		switch {
		case f == nil && n.Source == rules.SourceMeasured && !unset[n.Name]:
			t.Errorf("%s is in names.yml as measured and not in /metrics", n.Name)
		case f != nil && (f.GetHelp() != n.Help || strings.ToLower(f.GetType().String()) != n.Type):
			t.Errorf("%s is in /metrics as %s %q, in names.yml as %s %q", n.Name, f.GetType(), f.GetHelp(), n.Type, n.Help)
		}
	}
	for name := range families {
		if strings.HasPrefix(name, "chorus_") {
			t.Errorf("%s is in /metrics and not in names.yml", name)
		}
	}
}

// The Go runtime and the process have metrics of their own that differ from machine to machine, as do versions. Which
// alerts fire depends on how busy the machine is.
var (
	ofMachine = regexp.MustCompile(`^(# (HELP|TYPE) )?(go_|process_|chorus_health_alert\b|` +
		`chorus_health_check_last_success_timestamp_seconds\{check_name="resource-health"\})`)
	ofBuild = regexp.MustCompile(`(branch|goarch|goos|goversion|revision|tags|version)="[^"]*"`)
	value   = regexp.MustCompile(` \S+$`)
)

func masked(body string) string {
	var lines []string
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if ofMachine.MatchString(line) {
			continue
		}
		if !strings.HasPrefix(line, "#") {
			line = ofBuild.ReplaceAllString(value.ReplaceAllString(line, ""), `$1="*"`)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n") + "\n"
}
