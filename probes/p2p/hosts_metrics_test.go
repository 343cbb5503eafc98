package p2p

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"
)

// The help texts must be those of the table: families whose help differs are dropped when they meet.
func TestLegMetricsAreThoseOfTheTable(t *testing.T) {
	data, err := os.ReadFile("../../rules/names.yml")
	if err != nil {
		t.Fatal(err)
	}
	type entry struct{ Name, Type, Help string }
	var table struct{ Names []entry }
	if err := yaml.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	p := startPresence(t, PresenceOptions{Targets: []string{"/ip4/127.0.0.1/tcp/1/p2p/" + idA}})
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(p)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := 0
	for _, f := range families {
		got := entry{f.GetName(), strings.ToLower(f.GetType().String()), f.GetHelp()}
		if !slices.Contains(table.Names, got) {
			t.Errorf("%+v is not in the table", got)
		}
		series += len(f.GetMetric())
	}
	if len(families) != 4 || series != 8 { // resets and refused dials of three legs are there at 0
		t.Errorf("%d families with %d series, want 4 with 8", len(families), series)
	}
}
