//go:build e2e

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestGuardedScrape has real servers scrape an exporter behind TLS and a password, both as the examples say. Who has the
// wrong password, or speaks plainly, gets nothing, and the server says why.
func TestGuardedScrape(t *testing.T) {
	t.Parallel()
	needServers(t)
	dir := t.TempDir()
	makeCertificate(t, dir)
	put(t, dir, "password", "secret")
	put(t, dir, "wrong", "sesame")
	put(t, dir, "web.yml", example(t, "web.yml"))
	c := start(t, "--web.config.file="+filepath.Join(dir, "web.yml"))
	address := strings.TrimPrefix(c.url, "http://")

	config := replace(t, example(t, "prometheus.yml"), "scrape_interval: 15s", "scrape_interval: 1s\n  scrape_timeout: 1s")
	config = replace(t, config, "['node-1.example:8081', 'node-2.example:8081']", "['"+address+"']")
	config = replace(t, config, "../../alerts/", filepath.Join(root(t), "alerts")+"/")
	config += fmt.Sprintf(`
  - job_name: wrong_password
    scheme: https
    tls_config: {ca_file: ca.crt}
    basic_auth: {username: prometheus, password_file: wrong}
    static_configs: [{targets: [%[1]q]}]
  - job_name: plain
    static_configs: [{targets: [%[1]q]}]
`, address)
	put(t, dir, "prometheus.yml", config)
	var servers []*server
	for _, v := range []prometheusVersion{prometheus3(), prometheus2()} {
		servers = append(servers, startPrometheusWith(t, v, filepath.Join(dir, "prometheus.yml")))
	}
	for _, s := range servers {
		s.soon("it has scraped the exporter", func() bool { return s.is(`up{job="chorus_exporter"}`, 1) })
		if !s.is(`count(chorus_health_status{cluster="east"})`, 5) {
			t.Errorf("%s does not have the status with the label of its cluster", s.name)
		}
		for job, why := range map[string]string{"wrong_password": "401 Unauthorized", "plain": "400 Bad Request"} {
			s.soon("the other jobs have tried several times", func() bool { return s.is(`count_over_time(up{job="`+job+`"}[1m]) > bool 3`, 1) })
			if v, ok := s.value(`max_over_time(up{job="` + job + `"}[1m])`); !ok || v != 0 {
				t.Errorf("%s: the job %s gets through", s.name, job)
			}
			if got := s.scrapeError(job); !strings.Contains(got, why) {
				t.Errorf("%s: the job %s says %q, want %q", s.name, job, got, why)
			}
		}
	}
	log := c.log.String()
	if strings.Contains(log, "sesame") || strings.Contains(log, "secret") {
		t.Errorf("a password is in the log:\n%s", log)
	}
	if !strings.Contains(log, "client sent an HTTP request to an HTTPS server") {
		t.Errorf("the log does not say that somebody speaks plainly:\n%s", log)
	}
}

// scrapeError is what a server says of the last scrape of a job with one target.
func (s *server) scrapeError(job string) string {
	s.t.Helper()
	var targets struct {
		ActiveTargets []struct {
			LastError  string
			ScrapePool string
		}
	}
	if err := s.api("/api/v1/targets", nil, &targets); err != nil {
		s.t.Fatal(err)
	}
	for _, target := range targets.ActiveTargets {
		if target.ScrapePool == job {
			return target.LastError
		}
	}
	return ""
}

// root is the folder of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// example is a file of examples/prometheus.
func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "examples/prometheus", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// replace replaces what must be there.
func replace(t *testing.T, text, old, by string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("no %q in\n%s", old, text)
	}
	return strings.ReplaceAll(text, old, by)
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// makeCertificate writes the certificate of this machine, which signs itself, and its key.
func makeCertificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "exporter"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
	put(t, dir, "exporter.crt", text)
	put(t, dir, "ca.crt", text)
	put(t, dir, "exporter.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}
