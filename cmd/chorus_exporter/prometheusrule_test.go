package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Prometheus operator gets the very alerts that a Prometheus server loads from alerts/.
func TestPrometheusRule(t *testing.T) {
	files, err := filepath.Glob("../../alerts/*.rules.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("found no alerts (%v)", err)
	}
	var out strings.Builder
	out.WriteString(`# Generated from alerts/*.rules.yml by make golden; change those.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: chorus-exporter
  labels:
    release: prometheus # what the operator's ruleSelector asks for; yours may differ
spec:
  groups:
`)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, groups, found := strings.Cut("\n"+string(data), "\ngroups:\n")
		if !found {
			t.Fatalf("%s has no line groups:", file)
		}
		for line := range strings.Lines(groups) {
			if strings.TrimSpace(line) != "" {
				line = "  " + line
			}
			out.WriteString(line)
		}
	}
	golden(t, "../../deploy/kubernetes/components/prometheus-operator/prometheusrule.yaml", out.String())
}
