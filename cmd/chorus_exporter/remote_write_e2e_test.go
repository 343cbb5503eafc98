//go:build e2e && linux

package main

import (
	"fmt"
	"maps"
	"testing"
)

// startReceiver starts a Prometheus that scrapes nothing and evaluates rules on what others send it, as the rulers of Mimir
// and Thanos do.
func startReceiver(t *testing.T, rules []string) *server {
	t.Helper()
	v := prometheus3()
	v.name = "receiver"
	return startPrometheus(t, v, prometheusConfig{rules: rules, flags: []string{"--web.enable-remote-write-receiver"}})
}

// sameVerdict waits until a server that scrapes and one that is sent the same series have the same alerts, firing for the
// same reasons, and the same sums over the fleets.
func sameVerdict(scraping, receiving *server) {
	scraping.t.Helper()
	verdict := func(s *server) map[string]float64 {
		values := map[string]float64{}
		for _, one := range s.results(`{__name__=~"cluster.*:chorus_(exporter|health_status|health_check).*:(count|sum)"} ` +
			`or ALERTS{alertstate="firing", alertname!="DatabaseHasFailed"}`) {
			values[fmt.Sprint(one.Metric)] = float64(*one.Value)
		}
		return values
	}
	var here, there map[string]float64
	receiving.soon("it comes to the same verdict", func() bool {
		here, there = verdict(scraping), verdict(receiving)
		return maps.Equal(here, there)
	})
	if n := len(receiving.results(`ALERTS{alertstate="firing"}`)); n < 10 || len(there) < n+10 {
		receiving.t.Errorf("the verdict is %v, want many alerts and sums", there)
	}
}
