//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// notification is one alert as a receiver gets it.
type notification struct {
	Receiver    string // of the Alertmanager's configuration
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
	return startAlertmanagerWith(t, func(url string) string {
		return `
route: {receiver: test, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: test, webhook_configs: [{send_resolved: true, url: "` + url + `"}]}]
`
	})
}

// startAlertmanagerWith does so with a configuration whose receivers all have the URL.
func startAlertmanagerWith(t *testing.T, config func(url string) string) *receiver {
	t.Helper()
	r := &receiver{address: closedPort(t)}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var message struct {
			Receiver string
			Alerts   []notification
		}
		if err := json.NewDecoder(req.Body).Decode(&message); err != nil {
			t.Errorf("Alertmanager sends: %v", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, n := range message.Alerts {
			n.Receiver = message.Receiver
			r.news = append(r.news, n)
		}
	}))
	t.Cleanup(web.Close)
	program, before := debianAlertmanager(t)
	r.server = startServer(t, "Alertmanager", r.address, program, append(before,
		"--config.file="+write(t, "alertmanager.yml", config(web.URL)),
		"--storage.path="+filepath.Join(t.TempDir(), "data"),
		"--web.listen-address="+r.address,
		"--cluster.listen-address=")...)
	return r
}

// debianAlertmanager is the command that runs Debian's Alertmanager, and its first arguments. It reads templates from
// where its package would be installed, so it sees the unpacked /usr/share in place of the machine's.
func debianAlertmanager(t *testing.T) (program string, args []string) {
	t.Helper()
	alertmanager := tool(t, "debian/usr/bin/prometheus-alertmanager")
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Fatalf("unshare, of the package util-linux: %v", err)
	}
	if os.Getuid() != 0 {
		args = append(args, "--map-root-user")
	}
	return unshare, append(args, "--mount", "sh", "-c", `mount --bind "$0" /usr/share && exec "$@"`,
		tool(t, "debian/usr/share"), alertmanager)
}

// got is the newest notification of an alert whose labels hold all of want, if it has the status; else nil.
func (r *receiver) got(status string, want map[string]string) *notification {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range slices.Backward(r.news) {
		if !holds(n.Labels, want) {
			continue
		}
		if n.Status == status {
			return &n
		}
		return nil
	}
	return nil
}

func holds(labels, want map[string]string) bool {
	for name, value := range want {
		if labels[name] != value {
			return false
		}
	}
	return true
}

// waitFor waits until the newest notification of an alert has the status.
func (r *receiver) waitFor(status string, want map[string]string) *notification {
	r.server.t.Helper()
	var n *notification
	r.server.soon(fmt.Sprint(want, " is ", status), func() bool { n = r.got(status, want); return n != nil })
	return n
}
