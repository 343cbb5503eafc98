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
			Disks: disks("/", "/data"), Thresholds: ResourceThresholds{0.9, 0.85, 0.9, 0.9},
			Interval: 1, DiskInterval: 1, DiskTimeout: 1, Logger: log.NewNopLogger(),
		}},
		"relative path": {
			options: ResourcesOptions{Disks: disks("data")},
			want:    []string{`relative path "data"`},
		},
		"empty path": {options: ResourcesOptions{Disks: disks("")}, want: []string{"missing"}},
		"path twice": {
			options: ResourcesOptions{Disks: disks("/data", "/data")},
			want:    []string{`duplicate path "/data"`},
		},
		"root twice":     {options: ResourcesOptions{Disks: disks("//")}, want: []string{`invalid path "//": write "/"`}},
		"slash at end":   {options: ResourcesOptions{Disks: disks("/data/")}, want: []string{`write "/data"`}},
		"dot":            {options: ResourcesOptions{Disks: disks("/./data")}, want: []string{`write "/data"`}},
		"dots":           {options: ResourcesOptions{Disks: disks("/a/../b")}, want: []string{`contains ".."`}},
		"dots in a name": {options: ResourcesOptions{Disks: disks("/a..b", "/...")}},
		"NUL":            {options: ResourcesOptions{Disks: disks("/a\x00b")}, want: []string{"NUL"}},
		"path in Latin 1": {
			options: ResourcesOptions{Disks: disks("/d\xe4ta")},
			want:    []string{"not valid UTF-8"},
		},
		"threshold of 1": {
			options: ResourcesOptions{Thresholds: ResourceThresholds{CPU: 1}},
			want:    []string{"threshold cpu is 1: set"},
		},
		"threshold in %": {
			options: ResourcesOptions{Thresholds: ResourceThresholds{Disk: 90}},
			want:    []string{"threshold disk is 90: set"},
		},
		"negative threshold": {
			options: ResourcesOptions{Thresholds: ResourceThresholds{Memory: -0.1}},
			want:    []string{"threshold memory is -0.1: set"},
		},
		"threshold NaN": {
			options: ResourcesOptions{Thresholds: ResourceThresholds{Memory: math.NaN()}},
			want:    []string{"threshold memory is NaN: set"},
		},
		"every fault": {
			options: ResourcesOptions{
				Disks: disks("a"), Thresholds: ResourceThresholds{CPU: 2},
				Interval: -1, DiskInterval: -1, DiskTimeout: -1,
			},
			want: []string{`relative path "a"`, "cpu is 2", " interval -1ns", "disk interval -1ns", "disk timeout -1ns"},
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
	r := newFixture(t, ResourcesOptions{Disks: disks("/"), Thresholds: ResourceThresholds{CPU: 0.5}})
	r.cpu.keep(0.5, nil, r.logger)
	r.memory.keep(0.5, nil, r.logger)
	r.memory.keep(0, errTimeout, r.logger)
	r.disks[0].keep(fileSystem{space: space{used: 1}, inodes: inodes{total: 1}}, nil, r.logger)
	registry.MustRegister(r)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if want := len(r.descs.all()); len(families) != want {
		t.Errorf("%d families, want %d", len(families), want)
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
