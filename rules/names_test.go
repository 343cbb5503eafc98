package rules

import (
	"slices"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range Names() {
		if seen[n.Name] {
			t.Errorf("%s is listed twice", n.Name)
		}
		seen[n.Name] = true
		if !strings.HasPrefix(n.Name, "chorus_") {
			t.Errorf("%s has another prefix", n.Name)
		}
		if !slices.Contains([]string{"counter", "gauge", "histogram"}, n.Type) {
			t.Errorf("%s has the type %q", n.Name, n.Type)
		}
		if (n.Type == "counter") != strings.HasSuffix(n.Name, "_total") {
			t.Errorf("%s is a %s", n.Name, n.Type)
		}
		if !slices.Contains([]string{SourceMeasured, SourceRecorded, SourceBoth}, n.Source) {
			t.Errorf("%s has the source %q", n.Name, n.Source)
		}
		if n.Source != SourceMeasured && n.Type != "gauge" {
			t.Errorf("%s is recorded, so it is exposed as a gauge and no %s", n.Name, n.Type)
		}
		if !strings.HasSuffix(n.Help, ".") {
			t.Errorf("the help of %s does not end with a period: %s", n.Name, n.Help)
		}
		if n.Unit != "" && !strings.HasSuffix(strings.TrimSuffix(n.Name, "_total"), "_"+n.Unit) {
			t.Errorf("%s does not end in its unit %s", n.Name, n.Unit)
		}
	}
	if len(seen) == 0 {
		t.Error("no names")
	}
}

// Every name of ours that shipped rules record or read has its line in the table.
func TestShippedNamesAreListed(t *testing.T) {
	source := map[string]string{}
	for _, n := range Names() {
		source[n.Name] = n.Source
	}
	set := loadAll(t)
	for _, g := range set.Groups() {
		for _, r := range g.Rules {
			if strings.HasPrefix(r.Record, "chorus_") && source[r.Record] != SourceRecorded && source[r.Record] != SourceBoth {
				t.Errorf("%s:%d records %s, which names.yml has as %q", r.File, r.Line, r.Record, source[r.Record])
			}
		}
	}
	for _, unlisted := range set.Unexposed(func(name string) bool {
		return source[name] != "" || strings.HasPrefix(name, "health:") // steps in between are not listed
	}) {
		t.Error(unlisted)
	}
}
