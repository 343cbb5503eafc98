package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-kit/log"
)

// The metric that was probably meant is named; what exists is not warned of.
func TestUnknownMetrics(t *testing.T) {
	for _, tt := range []struct{ expr, want string }{
		{"go_goroutines > 10", ""},
		{"chorus_health_check_duration_seconds_bucket > 10", ""},
		{"process_open_fds > 10", ""},
		{"promhttp_metric_handler_requests_total > 10", ""},
		{`{__name__=~"nothing.*"} > 10`, ""},
		{"chorus_resource_cpu_utilisation_ratio > 0.9", `did you mean "chorus_resource_cpu_utilization_ratio"?`},
		{"chorus_resource_cpu_utilization > 0.9", `did you mean "chorus_resource_cpu_utilization_ratio"?`},
		{"chorus_health_checks_failed > 0.9", `did you mean "chorus_health_checks_failed_total"?`},
		{"app_health_check_interval_seconds > 9", "its check is never proven"},
		{"go_gorutines > 10", `did you mean "go_goroutines"?`},
		{"node_load1 > 10", `unknown metric "node_load1": nothing here exposes it; its check is never proven`},
		{"sum(node_load1) > on () group_left () count(node_load5)", `unknown metric "node_load5"`},
	} {
		t.Run(tt.expr, func(t *testing.T) {
			dir := files(t, map[string]string{"chorus.yml": "rule_files: [own.rules.yml]\n", "own.rules.yml": strings.ReplaceAll(unmeasured, "app_queue_lag_seconds > 10", fmt.Sprintf("'%s'", tt.expr))})
			p, err := prepare(filepath.Join(dir, "chorus.yml"), nil, log.NewNopLogger())
			noError(t, err)
			var got []string
			for _, w := range p.warnings {
				got = append(got, w.text)
			}
			if all := strings.Join(got, "\n"); tt.want == "" && all != "" || !strings.Contains(all, tt.want) {
				t.Errorf("warnings are %q, want %q", got, tt.want)
			}
		})
	}
}

// What may be meant is a note, which --config.strict lets pass.
func TestNotes(t *testing.T) {
	reading := func(expr string) string { return strings.ReplaceAll(ownRules, "go_goroutines > LIMIT", expr) }
	for _, tt := range []struct{ name, config, rules, warning, note string }{
		{"empty file", "", "", "own.rules.yml: contains no rules", ""},
		{"comments alone", "", "# nothing yet\n", "own.rules.yml: contains no rules", ""},
		{"no groups", "", "groups: []\n", "own.rules.yml: contains no rules", ""},
		{"of a cluster", "", reading("chorus_dht_probe_peers > 3"), "", `own.rules.yml:4: metric "chorus_dht_probe_peers" is not exposed here: configure p2p.targets`},
		{"measured", "", reading("chorus_resource_cpu_utilization_ratio > 0.93"), "", ""},
		{"not measured", "checks: {resource-health: {enabled: false}}\n", reading("chorus_resource_cpu_utilization_ratio > 0.93"), "", "enable resource-health"},
		{"disabled", "disable: [goroutines]\n", strings.ReplaceAll(ownRules, "LIMIT", "3"), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := files(t, map[string]string{"chorus.yml": tt.config + "rule_files: [own.rules.yml]\n", "own.rules.yml": tt.rules})
			p, err := prepare(filepath.Join(dir, "chorus.yml"), nil, log.NewNopLogger())
			noError(t, err)
			text := func(all []finding) (out string) {
				for _, f := range all {
					out += f.text + "\n"
				}
				return out
			}
			for _, x := range []struct{ got, want string }{{text(p.warnings), tt.warning}, {text(p.notes), tt.note}} {
				if x.want == "" && x.got != "" || !strings.Contains(x.got, x.want) {
					t.Errorf("got %q, want %q", x.got, x.want)
				}
			}
		})
	}
}
