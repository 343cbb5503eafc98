//go:build e2e && linux

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var (
	hooks      = regexp.MustCompile(`'http://[^']*'`)
	groupWaits = regexp.MustCompile(`\b(group_wait|group_interval): \w+`)
)

// startExampleAlertmanager starts one with the configuration of the examples, which sends at once and all to the test.
func startExampleAlertmanager(t *testing.T) *receiver {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "examples/alertmanager.yml"))
	if err != nil {
		t.Fatal(err)
	}
	config := groupWaits.ReplaceAllString(string(text), "$1: 1s")
	return startAlertmanagerWith(t, func(url string) string { return hooks.ReplaceAllString(config, "'"+url+"'") })
}

// routes checks that whoever should be told is, and that what follows from something else is not sent any more.
func (r *receiver) routes(m *monitored) {
	t := r.server.t
	t.Helper()
	west, east := instance(m.west[0]), instance(m.east[0])
	for to, labels := range map[string]map[string]string{
		"west-on-call": {"alertname": "ChorusFleetUnhealthy", "cluster": "west"},
		"on-call":      {"alertname": "ChorusFleetUnhealthy", "cluster": "east"},
		"operators":    {"alertname": "ChorusConfigReloadFailed", "instance": east},
	} {
		if n := r.waitFor("firing", labels); n.Receiver != to {
			t.Errorf("%v goes to %s, want %s", labels, n.Receiver, to)
		}
	}
	// Both clusters are in trouble, which says it all.
	for _, labels := range []map[string]string{
		{"alertname": "HealthCheckFailing", "instance": east},
		{"alertname": "HealthCheckFailing", "instance": west},
		{"alertname": "LowSystemHealth", "instance": west},
		{"alertname": "ComponentDegraded", "instance": west},
		{"alertname": "ChorusShutdownHeldBack", "instance": east},
	} {
		r.server.soon(fmt.Sprint(labels, " is not sent any more"), func() bool { return r.state(labels) == "suppressed" })
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.news {
		if n.Labels["severity"] == "info" {
			t.Errorf("%s is told of %v, want nobody to be", n.Receiver, n.Labels)
		}
	}
}

// state is what the Alertmanager does with an alert: active or suppressed; "" if it has none such.
func (r *receiver) state(labels map[string]string) string {
	r.server.t.Helper()
	resp, err := http.Get(r.server.url + "/api/v2/alerts")
	if err != nil {
		r.server.t.Fatal(err)
	}
	defer resp.Body.Close()
	var alerts []struct {
		Labels map[string]string
		Status struct{ State string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&alerts); err != nil {
		r.server.t.Fatal(err)
	}
	for _, a := range alerts {
		if holds(a.Labels, labels) {
			return a.Status.State
		}
	}
	return ""
}
