package conformance

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

// The operator is given the groups of alerts/, one by one and field by field, as its own types read them.
func TestPrometheusRuleIsAlerts(t *testing.T) {
	_, objects := workloadOf(t, "overlays/prometheus-operator")
	got := only[*monitoring.PrometheusRule](t, objects).Spec.Groups
	files, err := filepath.Glob("../../alerts/*.rules.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("found no alerts (%v)", err)
	}
	var groups []monitoring.RuleGroup
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var spec monitoring.PrometheusRuleSpec
		if err := yaml.UnmarshalStrict(data, &spec); err != nil {
			t.Fatalf("%s: the operator would not take it: %v", file, err)
		}
		groups = append(groups, spec.Groups...)
	}
	if !reflect.DeepEqual(got, groups) {
		t.Errorf("the PrometheusRule differs from alerts/: run make golden")
	}
	rules := 0
	for _, g := range groups {
		rules += len(g.Rules)
	}
	if rules == 0 {
		t.Error("no rules")
	}
}
