package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the dashboards instead of comparing with them")

// The files are what the generator writes, no more and no less.
func TestGolden(t *testing.T) {
	names := readNames(t)
	var uids []string
	for _, d := range dashboards(names) {
		uids = append(uids, d.uid+".json")
		got, err := render(d, names)
		if err != nil {
			t.Fatal(err)
		}
		file := d.uid + ".json"
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not what the generator writes: run make dashboards (-want +got):\n%s", file, diff)
		}
	}
	files, err := filepath.Glob("*.json")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(uids)
	if diff := cmp.Diff(uids, files); diff != "" {
		t.Errorf("files that no dashboard is written to (-dashboards +files):\n%s", diff)
	}
}

func readNames(t *testing.T) *catalog {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	names, err := readCatalog(root)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// What Grafana reads of a file, as far as tests look at it.
type file struct {
	UID           string
	Title         string
	Description   string
	Refresh       string
	Timezone      *string
	Tags          []string
	GraphTooltip  int
	SchemaVersion int
	Links         []struct {
		Type string
		Tags []string
	}
	Templating  struct{ List []fileVariable }
	Annotations struct{ List []fileNote }
	Panels      []filePanel
}

type fileVariable struct {
	Name, Type, AllValue string
	Multi, IncludeAll    bool
	Query                any
}

type fileNote struct {
	BuiltIn    int
	Name, Expr string
	Enable     bool
	Target     struct{ Expr string }
}

type filePanel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Datasource               struct{ Type, UID string }
	Targets                  []struct {
		RefID, Expr, LegendFormat, Format string
		Datasource                        struct{ UID string }
		Instant, Range                    bool
	}
	FieldConfig struct {
		Defaults struct {
			Unit       string
			Links      []fileLink
			Mappings   []struct{ Type string }
			Thresholds struct {
				Steps []struct {
					Color string
					Value *float64
				}
			}
		}
		Overrides []struct {
			Matcher    struct{ ID, Options string }
			Properties []struct {
				ID    string
				Value json.RawMessage
			}
		}
	}
	Transformations []struct {
		ID      string
		Options struct {
			RenameByName  map[string]string
			ExcludeByName map[string]bool
		}
	}
}

type fileLink struct{ Title, URL string }

// links are those of the panel and of its columns.
func (p filePanel) links(t *testing.T) []fileLink {
	t.Helper()
	list := slices.Clone(p.FieldConfig.Defaults.Links)
	for _, o := range p.FieldConfig.Overrides {
		for _, property := range o.Properties {
			if property.ID == "links" {
				var more []fileLink
				if err := json.Unmarshal(property.Value, &more); err != nil {
					t.Fatal(err)
				}
				list = append(list, more...)
			}
		}
	}
	return list
}

// readFiles reads the dashboards as they are in the tree.
func readFiles(t *testing.T) []file {
	t.Helper()
	var list []file
	for _, d := range dashboards(readNames(t)) {
		b, err := os.ReadFile(d.uid + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var f file
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatalf("%s: %v", d.uid, err)
		}
		list = append(list, f)
	}
	return list
}

// The list of queries has every query of every file, as it is there.
func TestQueries(t *testing.T) {
	var out bytes.Buffer
	if err := run([]string{"-queries", "-instance=127.0.0.1:8081", "-rate-interval=20s", "-interval=1s", "-range=2m"}, &out); err != nil {
		t.Fatal(err)
	}
	listedOnes := map[string]listed{}
	for line := range strings.Lines(out.String()) {
		var q listed
		if err := json.Unmarshal([]byte(line), &q); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if strings.Contains(q.Expr, "$") || strings.Contains(q.Expr, "{@") {
			t.Errorf("%s, %s: a variable is left: %s", q.Dashboard, q.Panel, q.Expr)
		}
		if q.Kind == "panel" {
			listedOnes[q.Dashboard+q.Panel+q.Ref+q.Expr] = q
		}
	}
	fill := values{cluster: ".*", instance: "127.0.0.1:8081", check: ".*", rateInterval: "20s", interval: "1s", span: "2m"}
	count := 0
	for _, f := range readFiles(t) {
		for _, p := range f.Panels {
			for _, target := range p.Targets {
				count++
				q, ok := listedOnes[f.UID+p.Title+target.RefID+fill.fill(target.Expr)]
				if !ok || q.Instant != target.Instant {
					t.Errorf("%s, panel %q, query %s is not listed as it stands there", f.UID, p.Title, target.RefID)
				}
			}
		}
	}
	if count == 0 || count != len(listedOnes) {
		t.Errorf("%d queries in the files, %d in the list", count, len(listedOnes))
	}
}

// A fault in a table is one error that names the panel and the metric.
func TestRefused(t *testing.T) {
	tests := map[string]struct{ expr, want string }{
		"unknown metric":       {"max (chorus_no_such_metric{@})", `panel "x": chorus_no_such_metric: neither /metrics`},
		"unknown recorded one": {"max (cluster:chorus_no_such:count{@})", "cluster:chorus_no_such:count: neither"},
		"bucket of a gauge":    {"max (chorus_system_health_score_bucket{@})", "chorus_system_health_score_bucket: neither"},
		"rate of a gauge":      {"rate(chorus_system_health_score{@}[$__rate_interval])", "rate(chorus_system_health_score): it is a gauge"},
		"fixed range":          {"rate(chorus_health_checks_failed_total{@}[5m])", "want $__rate_interval"},
	}
	names := readNames(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := dashboard{uid: "d", rows: []row{{"r", []panel{{title: "x", queries: []query{{expr: tt.expr}}, levels: noLevels}}}}}
			if _, err := render(d, names); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// A source of names that says nothing is a fault: its form has changed, or it is gone.
func TestNoNames(t *testing.T) {
	_, err := readCatalog(t.TempDir())
	for _, want := range []string{goldenFiles, namesFile, alertFiles} {
		if err == nil || !strings.Contains(err.Error(), want+": no metric found there") {
			t.Errorf("got error %v, want one that names %s", err, want)
		}
	}
}

func TestUnit(t *testing.T) {
	for name, want := range map[string]string{
		"a_seconds": "s", "a_bytes": "bytes", "a_ratio": "percentunit", "cluster:a:ratio_rate5m": "percentunit", "a_total": "cpm", "a": "short",
	} {
		if got := unit(name); got != want {
			t.Errorf("unit(%q) = %q, want %q", name, got, want)
		}
	}
}
