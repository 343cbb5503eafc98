//go:build e2e

package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// notification is one alert as a receiver gets it.
type notification struct {
	Status      string // firing or resolved
	Labels      map[string]string
	Annotations map[string]string
}

// receiver is where an Alertmanager sends what it is told: whoever is paged.
type receiver struct {
	address string // of the Alertmanager
	server  *server

	mu   sync.Mutex
	news []notification
}

// startAlertmanager starts Debian's Alertmanager, which sends each alert by itself and at once.
func startAlertmanager(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{address: closedPort(t)}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var message struct{ Alerts []notification }
		if err := json.NewDecoder(req.Body).Decode(&message); err != nil {
			t.Errorf("Alertmanager sends: %v", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.news = append(r.news, message.Alerts...)
	}))
	t.Cleanup(web.Close)
	config := `
route: {receiver: test, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: test, webhook_configs: [{send_resolved: true, url: "` + web.URL + `"}]}]
`
	r.server = startServer(t, "Alertmanager", r.address, tool(t, "debian/usr/bin/prometheus-alertmanager"),
		"--config.file="+write(t, "alertmanager.yml", config),
		"--storage.path="+filepath.Join(t.TempDir(), "data"),
		"--web.listen-address="+r.address,
		"--cluster.listen-address=")
	return r
}

// got is the newest notification of an alert whose labels hold all of want, written as name=value; nil before any.
func (r *receiver) got(status string, want ...string) *notification {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.news) - 1; i >= 0; i-- {
		if r.news[i].matches(want) {
			if r.news[i].Status == status {
				n := r.news[i]
				return &n
			}
			return nil
		}
	}
	return nil
}

func (n *notification) matches(want []string) bool {
	for _, w := range want {
		name, value, _ := strings.Cut(w, "=")
		if n.Labels[name] != value {
			return false
		}
	}
	return true
}

// waitFor waits until the newest notification of an alert has the status.
func (r *receiver) waitFor(status string, want ...string) *notification {
	r.server.t.Helper()
	var n *notification
	r.server.soon(strings.Join(want, " ")+" is "+status, func() bool { n = r.got(status, want...); return n != nil })
	return n
}
