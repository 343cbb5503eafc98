package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const rightPassword, wrongPassword = "correct-horse", "wrong-staple"

// hash is the bcrypt hash of a password, quick to compute.
func hash(t *testing.T, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

// guarded is an exporter that wants TLS with a client's certificate, and a password.
type guarded struct {
	*child
	ca     *authority
	dir    string // of its certificate
	mine   tls.Certificate
	secret string // the hash of the password
}

func startGuarded(t *testing.T, args ...string) *guarded {
	t.Helper()
	g := &guarded{ca: newAuthority(t), dir: t.TempDir(), secret: hash(t, rightPassword)}
	g.mine = g.ca.issue(t.TempDir(), 7, time.Now().Add(time.Hour))
	g.ca.issue(g.dir, 100, time.Now().Add(time.Hour))
	web := write(t, "web.yml", fmt.Sprintf(`
tls_server_config:
  cert_file: %s/cert.pem
  key_file: %s/key.pem
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: %s
basic_auth_users: {me: "%s"}
`, g.dir, g.dir, g.ca.file, g.secret))
	g.child = start(t, append([]string{"--web.config.file=" + web}, args...)...)
	g.url = strings.Replace(g.url, "http://", "https://", 1)
	return g
}

// ask sends one request on a connection of its own.
func (g *guarded) ask(config *tls.Config, path, password string) (code int, body string, err error) {
	g.t.Helper()
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(g.t.Context(), "GET", g.url+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	if password != "" {
		request.SetBasicAuth("me", password)
	}
	resp, err := (&http.Client{Transport: transport, Timeout: patience}).Do(request)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data), err
}

// Who is not let in gets nothing, floods no log and keeps nobody out; and no secret shows anywhere.
func TestHostileTLS(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	good := g.ca.config(&g.mine)
	other := newAuthority(t).issue(t.TempDir(), 8, time.Now().Add(time.Hour))
	expired := g.ca.issue(t.TempDir(), 9, time.Now().Add(-time.Minute))
	old := g.ca.config(&g.mine)
	old.MaxVersion = tls.VersionTLS11
	for _, tt := range []struct {
		name   string
		config *tls.Config
	}{
		{"no certificate", g.ca.config(nil)},
		{"certificate of somebody else's authority", g.ca.config(&other)},
		{"expired certificate", g.ca.config(&expired)},
		{"TLS 1.1", old},
	} {
		// The text of the error depends on when the client notices.
		if code, body, err := g.ask(tt.config, "/health", rightPassword); err == nil || code != 0 {
			t.Errorf("%s: %d %s, %v, want no connection", tt.name, code, body, err)
		}
	}
	plain := &child{t: t, url: strings.Replace(g.url, "https://", "http://", 1)}
	if code, body := plain.get("/metrics"); code != 400 || strings.Contains(body, "chorus_") {
		t.Errorf("without TLS: %d %s, want 400 and no metrics", code, body)
	}
	for _, path := range []string{"/metrics", "/health", "/config", "/", "/nowhere", "/../../etc/passwd"} {
		for _, password := range []string{"", wrongPassword, g.secret} {
			if code, body, err := g.ask(good, path, password); code != 401 || len(body) > 100 {
				t.Errorf("%s with the password %q: %d %s, %v, want 401", path, password, code, body, err)
			}
		}
	}
	g.flood(good)
	var shown strings.Builder
	for _, path := range []string{"/metrics", "/config", "/", "/health/checks"} {
		code, body, err := g.ask(good, path, rightPassword)
		if code != 200 || err != nil {
			t.Errorf("%s with the right password: %d, %v, want 200", path, code, err)
		}
		shown.WriteString(body)
	}
	g.signal(syscall.SIGKILL) // no orderly end: what was logged until now
	<-g.done
	shown.WriteString(g.log.String())
	for _, secret := range []string{rightPassword, wrongPassword, g.secret, "Authorization", "PRIVATE KEY"} {
		if strings.Contains(shown.String(), secret) {
			t.Errorf("%q shows in a log or an answer", secret)
		}
	}
	for _, what := range []string{"TLS handshake", "Wrong or no password from 127.0.0.1: refused"} {
		if got := strings.Count(g.log.String(), what); got != 1 {
			t.Errorf("the log has %d lines with %q, want one", got, what)
		}
	}
}

// flood opens connections that fail while a good client is served.
func (g *guarded) flood(good *tls.Config) {
	g.t.Helper()
	var bad sync.WaitGroup
	for range 4 {
		bad.Go(func() {
			for range 50 {
				_, _, _ = g.ask(g.ca.config(nil), "/health", "") // refused
			}
		})
	}
	for range 10 {
		if code, _, err := g.ask(good, "/-/healthy", rightPassword); code != 200 {
			g.t.Errorf("meanwhile a good client gets %d, %v, want 200", code, err)
		}
	}
	bad.Wait()
}

// A renewed certificate is served to new connections, without a restart and without a reload; a broken one is said once.
func TestRenewedCertificate(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	serial := func() (int64, error) {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(g.url, "https://"), g.ca.config(&g.mine))
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
	}
	if got, err := serial(); got != 100 {
		t.Fatalf("the certificate has the number %d, %v, want 100", got, err)
	}
	g.ca.issue(g.dir, 101, time.Now().Add(time.Hour))
	if got, err := serial(); got != 101 {
		t.Errorf("after it was renewed the certificate has the number %d, %v, want 101", got, err)
	}
	writePEM(t, filepath.Join(g.dir, "cert.pem"), "GARBAGE", []byte("nothing"))
	for range 3 {
		if got, err := serial(); err == nil {
			t.Errorf("with a broken certificate number %d is served, want an error", got)
		}
	}
	g.eventually("the broken certificate is logged", func() bool { return strings.Contains(g.log.String(), "X509KeyPair") })
	g.ca.issue(g.dir, 102, time.Now().Add(time.Hour))
	if got, err := serial(); got != 102 {
		t.Errorf("after it was renewed the certificate has the number %d, %v, want 102", got, err)
	}
	if got := strings.Count(g.log.String(), "X509KeyPair"); got != 1 {
		t.Errorf("the broken certificate is logged %d times, want once", got)
	}
}

// A fault in the web configuration is said once, with the file, before anything listens.
func TestWebConfigFaults(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-hunter2"
	ca := newAuthority(t)
	ca.issue(filepath.Dir(ca.file), 5, time.Now().Add(time.Hour))
	for name, tt := range map[string]struct{ text, want string }{
		"no YAML":     {"basic_auth_users: {", "did not find expected node content"},
		"unknown key": {"basic_auth: {}", "field basic_auth not found"},
		"no hash":     {"basic_auth_users: {me: " + secret + "}", "hashedSecret too short"},
		"no certificate": {
			"tls_server_config: {cert_file: nowhere.pem, key_file: nowhere.pem}",
			"nowhere.pem: no such file or directory",
		},
		"no key": {"tls_server_config: {cert_file: " + ca.file + "}", "missing one of key or key_file"},
		"another's key": {
			fmt.Sprintf("tls_server_config: {cert_file: %s, key_file: %s/key.pem}", ca.file, filepath.Dir(ca.file)),
			"private key does not match public key",
		},
		"no authority": {"tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_auth_type: RequireAndVerifyClientCert, " +
			"client_ca_file: nobody.pem}", "no such file"},
	} {
		file := write(t, "web.yml", tt.text+"\n")
		ca.issue(filepath.Dir(file), 6, time.Now().Add(time.Hour))
		out, code := once(t, "--web.listen-address=127.0.0.1:0", "--web.config.file="+file)
		if code != exitError || strings.Count(out, tt.want) != 1 || strings.Count(out, file) != 1 || strings.Count(out, "level=error") != 1 {
			t.Errorf("%s: exit code %d, want %d, and once %q and %s in:\n%s", name, code, exitError, tt.want, file, out)
		}
		if strings.Contains(out, secret) || strings.Contains(out, "Listening on") {
			t.Errorf("%s: the secret shows, or it listened:\n%s", name, out)
		}
	}
}
