package shutdown

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// metrics are the values by name and label.
func (f *fixture) metrics() map[string]float64 {
	f.t.Helper()
	families, err := f.registry.Gather()
	if err != nil {
		f.t.Fatal(err)
	}
	all := make(map[string]float64)
	for _, family := range families {
		for _, m := range family.Metric {
			all[fmt.Sprintf("%s{%s}", family.GetName(), m.Label[0].GetValue())] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return all
}

// wantMetrics compares those that are not 0 and are asked for.
func (f *fixture) wantMetrics(lines ...string) {
	f.t.Helper()
	all := f.metrics()
	for _, line := range lines {
		name, value, _ := strings.Cut(line, " ")
		if got, ok := all[name]; !ok || fmt.Sprint(got) != value {
			f.t.Errorf("%s is %v, want %s", name, got, value)
		}
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{})
		fresh := make(map[string]float64)
		for _, state := range stageOrder {
			fresh[fmt.Sprintf("chorus_shutdown_state{%s}", state)] = 0
		}
		for _, result := range []string{"accepted", "repeated", "observed"} {
			fresh[fmt.Sprintf("chorus_shutdown_requests_total{%s}", result)] = 0
		}
		for _, result := range []string{"done", "failed", "timeout", "panicked", "abandoned", "skipped"} {
			fresh[fmt.Sprintf("chorus_shutdown_steps_total{%s}", result)] = 0
		}
		fresh["chorus_shutdown_state{running}"] = 1
		if diff := cmp.Diff(fresh, f.metrics()); diff != "" {
			t.Errorf("at the start (-want +got):\n%s", diff)
		}
		for name, stop := range map[string]func(context.Context) error{
			"done": hang(0), "failed": func(context.Context) error { return errors.New("no") },
			"panicked": func(context.Context) error { panic("no") }, "abandoned": hang(time.Hour),
			"timeout": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		} {
			f.register(Component{Name: name, Timeout: time.Second, Stop: stop})
		}
		f.register(Component{Name: "skipped", When: OnRule})
		f.stop(CauseSignal)
		for name := range fresh {
			if strings.HasPrefix(name, "chorus_shutdown_steps_total") {
				fresh[name] = 1
			}
		}
		fresh["chorus_shutdown_state{running}"], fresh["chorus_shutdown_state{stopped}"] = 0, 1
		fresh["chorus_shutdown_requests_total{accepted}"] = 1
		if diff := cmp.Diff(fresh, f.metrics()); diff != "" {
			t.Errorf("at the end (-want +got):\n%s", diff)
		}
		time.Sleep(2 * time.Hour)
	})
}

// The help texts must be those of the table: families whose help differs are dropped when both registries are gathered.
func TestHelpIsThatOfTheTable(t *testing.T) {
	file, err := os.ReadFile("../../rules/names.yml")
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
	families, err := newFixture(t, Options{}).registry.Gather()
	if err != nil || len(families) != 3 {
		t.Fatalf("%d families, %v, want 3", len(families), err)
	}
	for _, f := range families {
		got := strings.ToLower(f.GetType().String()) + ": " + f.GetHelp()
		if diff := cmp.Diff(want[f.GetName()], got); diff != "" {
			t.Errorf("%s (-table +code):\n%s", f.GetName(), diff)
		}
	}
}
