package probes

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"go.yaml.in/yaml/v3"
)

type (
	dtoFamily = dto.MetricFamily
	dtoMetric = dto.Metric
)

// gathered compares the only series of a family.
func gathered(t *testing.T, g prometheus.Gatherer, name string, want float64) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.Metric[0]
			if got := m.GetGauge().GetValue() + m.GetCounter().GetValue(); got != want {
				t.Errorf("%s = %v, want %v", name, got, want)
			}
			return
		}
	}
	t.Errorf("%s is not exposed", name)
}

const beforeTheFirstRun = `
# HELP chorus_health_check_consecutive_failures Failed runs of the check since its last success.
# TYPE chorus_health_check_consecutive_failures gauge
chorus_health_check_consecutive_failures{check_name="db"} 0
# HELP chorus_health_check_errors_total Failed runs of the check by reason.
# TYPE chorus_health_check_errors_total counter
chorus_health_check_errors_total{check_name="db",reason="canceled"} 0
chorus_health_check_errors_total{check_name="db",reason="error"} 0
chorus_health_check_errors_total{check_name="db",reason="integrity"} 0
chorus_health_check_errors_total{check_name="db",reason="no_peers"} 0
chorus_health_check_errors_total{check_name="db",reason="no_topic_peers"} 0
chorus_health_check_errors_total{check_name="db",reason="panic"} 0
chorus_health_check_errors_total{check_name="db",reason="refused"} 0
chorus_health_check_errors_total{check_name="db",reason="timeout"} 0
chorus_health_check_errors_total{check_name="db",reason="warming_up"} 0
# HELP chorus_health_check_failure_threshold Failures in a row from which on the check counts as failing.
# TYPE chorus_health_check_failure_threshold gauge
chorus_health_check_failure_threshold{check_name="db"} 2
# HELP chorus_health_check_info Constant 1 for every check, with what is known of it as labels.
# TYPE chorus_health_check_info gauge
chorus_health_check_info{check_name="db",component="database",critical="true",kind="probe"} 1
# HELP chorus_health_check_interval_seconds How often the check runs.
# TYPE chorus_health_check_interval_seconds gauge
chorus_health_check_interval_seconds{check_name="db"} 60
# HELP chorus_health_check_proven Whether the check has passed once since it was declared (1) or not yet (0).
# TYPE chorus_health_check_proven gauge
chorus_health_check_proven{check_name="db"} 0
# HELP chorus_health_check_stuck Whether an abandoned run of the check has not returned yet (1) or none is out (0).
# TYPE chorus_health_check_stuck gauge
chorus_health_check_stuck{check_name="db"} 0
# HELP chorus_health_check_timeout_seconds How long one run of the check may take.
# TYPE chorus_health_check_timeout_seconds gauge
chorus_health_check_timeout_seconds{check_name="db"} 10
# HELP chorus_health_checks_failed_total Runs of the check that failed.
# TYPE chorus_health_checks_failed_total counter
chorus_health_checks_failed_total{check_name="db"} 0
# HELP chorus_health_checks_passed_total Runs of the check that passed.
# TYPE chorus_health_checks_passed_total counter
chorus_health_checks_passed_total{check_name="db"} 0
`

const afterAPassAndTwoFailures = `
# HELP chorus_health_check_consecutive_failures Failed runs of the check since its last success.
# TYPE chorus_health_check_consecutive_failures gauge
chorus_health_check_consecutive_failures{check_name="db"} 2
# HELP chorus_health_check_duration_seconds Duration of the runs of the check.
# TYPE chorus_health_check_duration_seconds histogram
chorus_health_check_duration_seconds_bucket{check_name="db",le="0.001"} 0
chorus_health_check_duration_seconds_bucket{check_name="db",le="0.0025"} 0
chorus_health_check_duration_seconds_bucket{check_name="db",le="0.005"} 0
chorus_health_check_duration_seconds_bucket{check_name="db",le="0.01"} 0
chorus_health_check_duration_seconds_bucket{check_name="db",le="0.025"} 0
chorus_health_check_duration_seconds_bucket{check_name="db",le="0.05"} 0
chorus_health_check_duration_seconds_bucket{check_name="db",le="0.1"} 0
chorus_health_check_duration_seconds_bucket{check_name="db",le="0.25"} 0
chorus_health_check_duration_seconds_bucket{check_name="db",le="0.5"} 0
chorus_health_check_duration_seconds_bucket{check_name="db",le="1"} 0
chorus_health_check_duration_seconds_bucket{check_name="db",le="2.5"} 3
chorus_health_check_duration_seconds_bucket{check_name="db",le="5"} 3
chorus_health_check_duration_seconds_bucket{check_name="db",le="10"} 3
chorus_health_check_duration_seconds_bucket{check_name="db",le="20"} 3
chorus_health_check_duration_seconds_bucket{check_name="db",le="30"} 3
chorus_health_check_duration_seconds_bucket{check_name="db",le="60"} 3
chorus_health_check_duration_seconds_bucket{check_name="db",le="+Inf"} 3
chorus_health_check_duration_seconds_sum{check_name="db"} 6
chorus_health_check_duration_seconds_count{check_name="db"} 3
# HELP chorus_health_check_healthy Whether the last run of the check passed (1) or failed (0).
# TYPE chorus_health_check_healthy gauge
chorus_health_check_healthy{check_name="db"} 0
# HELP chorus_health_check_proven Whether the check has passed once since it was declared (1) or not yet (0).
# TYPE chorus_health_check_proven gauge
chorus_health_check_proven{check_name="db"} 1
# HELP chorus_health_checks_failed_total Runs of the check that failed.
# TYPE chorus_health_checks_failed_total counter
chorus_health_checks_failed_total{check_name="db"} 2
# HELP chorus_health_checks_passed_total Runs of the check that passed.
# TYPE chorus_health_checks_passed_total counter
chorus_health_checks_passed_total{check_name="db"} 1
`

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		var runs atomic.Int32
		register(t, r, Spec{
			Name: "db", Component: "database", Critical: true, Interval: time.Minute, FailureThreshold: 2,
			Probe: Func(func(context.Context) (Result, error) {
				time.Sleep(2 * time.Second)
				if runs.Add(1) == 1 {
					return Result{}, nil
				}
				return Result{}, WithReason(ReasonRefused, errors.New("down"))
			}),
		})
		// All but the empty histogram, and nothing of a run there was not.
		if err := testutil.GatherAndCompare(without(registry, "chorus_health_check_duration_seconds"), strings.NewReader(beforeTheFirstRun)); err != nil {
			t.Error(err)
		}
		inRun(t, r, func() {
			for runs.Load() < 3 {
				sleep(time.Second)
			}
			sleep(5 * time.Second)
		})
		var want []string
		for line := range strings.SplitSeq(afterAPassAndTwoFailures, "\n") {
			if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
				want = append(want, strings.Fields(name)[0])
			}
		}
		if err := testutil.GatherAndCompare(registry, strings.NewReader(afterAPassAndTwoFailures), want...); err != nil {
			t.Error(err)
		}
		problems, err := testutil.GatherAndLint(registry)
		if err != nil || len(problems) > 0 {
			t.Errorf("lint: %v, %v", problems, err)
		}
	})
}

// without leaves a family out.
func without(g prometheus.Gatherer, name string) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dtoFamily, error) {
		families, err := g.Gather()
		var kept []*dtoFamily
		for _, f := range families {
			if f.GetName() != name {
				kept = append(kept, f)
			}
		}
		return kept, err
	})
}

func TestTimestampsFollowTheWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		register(t, r, Spec{Name: "db", Interval: time.Hour, Probe: new(passing)})
		inRun(t, r, func() { sleep(10 * time.Second) })
		o, _ := r.Last("db", time.Time{})
		at := float64(o.Finished.Round(time.Millisecond).UnixMilli()) / 1000
		gathered(t, registry, "chorus_health_check_last_run_timestamp_seconds", at)
		sleep(time.Minute)
		gathered(t, registry, "chorus_health_check_last_run_timestamp_seconds", at)
		r.wall = func() time.Time { return time.Now().Add(-time.Hour) } // stepped back
		gathered(t, registry, "chorus_health_check_last_run_timestamp_seconds", at-3600)
		gathered(t, registry, "chorus_health_check_last_success_timestamp_seconds", at-3600)
	})
}

func TestDurationHistogramIsNativeToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		register(t, r, Spec{Name: "db", Probe: new(passing)})
		inRun(t, r, func() { sleep(5 * time.Second) })
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "chorus_health_check_duration_seconds" {
				if h := f.Metric[0].Histogram; h.Schema == nil || len(h.Bucket) == 0 {
					t.Errorf("histogram %v, want classic and native buckets", h)
				}
				return
			}
		}
		t.Error("no histogram")
	})
}

// The help texts must be those of the table: families whose help differs are dropped when both registries are gathered.
func TestHelpIsThatOfTheTable(t *testing.T) {
	file, err := os.ReadFile("../rules/names.yml")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Names []struct{ Name, Type, Help string }
	}
	if err := yaml.Unmarshal(file, &table); err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for _, n := range table.Names {
		want[n.Name] = n.Type + ": " + n.Help
	}
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		register(t, r, Spec{Name: "db", Probe: new(passing)})
		inRun(t, r, func() { sleep(5 * time.Second) })
		families, err := registry.Gather()
		if err != nil || len(families) != 14 {
			t.Fatalf("%d families, %v, want 14", len(families), err)
		}
		for _, f := range families {
			got := strings.ToLower(f.GetType().String()) + ": " + f.GetHelp()
			if diff := cmp.Diff(want[f.GetName()], got); diff != "" {
				t.Errorf("%s (-table +code):\n%s", f.GetName(), diff)
			}
		}
	})
}
