package collectors

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"
)

func TestResourcesOptions(t *testing.T) {
	for name, tt := range map[string]struct {
		options ResourcesOptions
		want    []string // parts of the error, all of them
	}{
		"none": {},
		"all": {options: ResourcesOptions{
			Paths: []string{"/", "/data"}, Thresholds: ResourceThresholds{0.9, 0.85, 0.9},
			Interval: 1, DiskInterval: 1, DiskTimeout: 1, Logger: log.NewNopLogger(),
		}},
		"relative path": {
			options: ResourcesOptions{Paths: []string{"data"}},
			want:    []string{`"data" is not absolute`},
		},
		"empty path": {options: ResourcesOptions{Paths: []string{""}}, want: []string{`"" is not absolute`}},
		"path twice": {
			options: ResourcesOptions{Paths: []string{"/data", "/data/"}},
			want:    []string{`"/data/" is listed twice`},
		},
		"path in Latin 1": {
			options: ResourcesOptions{Paths: []string{"/d\xe4ta"}},
			want:    []string{"not valid UTF-8"},
		},
		"threshold of 1": {
			options: ResourcesOptions{Thresholds: ResourceThresholds{CPU: 1}},
			want:    []string{"threshold cpu is 1: give"},
		},
		"threshold in %": {
			options: ResourcesOptions{Thresholds: ResourceThresholds{Disk: 90}},
			want:    []string{"threshold disk is 90: give"},
		},
		"negative threshold": {
			options: ResourcesOptions{Thresholds: ResourceThresholds{Memory: -0.1}},
			want:    []string{"threshold memory is -0.1: give"},
		},
		"threshold NaN": {
			options: ResourcesOptions{Thresholds: ResourceThresholds{Memory: math.NaN()}},
			want:    []string{"threshold memory is NaN: give"},
		},
		"every fault": {
			options: ResourcesOptions{
				Paths: []string{"a"}, Thresholds: ResourceThresholds{CPU: 2},
				Interval: -1, DiskInterval: -1, DiskTimeout: -1,
			},
			want: []string{`"a" is not`, "cpu is 2", " interval -1ns", "disk interval -1ns", "disk timeout -1ns"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := NewResources(tt.options)
			if (err != nil) != (len(tt.want) > 0) || (r == nil) != (err != nil) {
				t.Fatalf("got %v, %v", r, err)
			}
			for _, part := range tt.want {
				if !matches(err, part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
		})
	}
}

// TestHelp compares what is described with the table of names.
func TestHelp(t *testing.T) {
	data, err := os.ReadFile("../rules/names.yml")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Names []struct{ Name, Type, Help string }
	}
	if err := yaml.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newFixture(t, ResourcesOptions{Paths: []string{"/"}, Thresholds: ResourceThresholds{CPU: 0.5}}))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != 5 {
		t.Errorf("%d families, want 5", len(families))
	}
	for _, f := range families {
		i := slices.IndexFunc(table.Names, func(n struct{ Name, Type, Help string }) bool { return n.Name == f.GetName() })
		if i < 0 {
			t.Errorf("%s is not in the table", f.GetName())
		} else if n := table.Names[i]; n.Help != f.GetHelp() || !strings.EqualFold(n.Type, f.GetType().String()) {
			t.Errorf("%s %s %q, want %s %q", f.GetName(), f.GetType(), f.GetHelp(), n.Type, n.Help)
		}
	}
}
