package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// nobodysHash is that of no known password.
const nobodysHash = "$2y$10$abcdefghijklmnopqrstuuMk0vJ3Wn1c9bY5y6m8p2Qx4Zr7T0dKe"

// Where the main listener asks for TLS and a password, a kubelet fails there, and gets the truth on the probe listener and
// by gRPC.
func TestGuarded(t *testing.T) {
	cert, key := certificate(t)
	web := write(t, "web.yml", fmt.Sprintf(
		"tls_server_config: {cert_file: %s, key_file: %s}\nbasic_auth_users: {me: %s}\n", cert, key, nobodysHash))
	for name, dir := range map[string]string{
		"healthy": "deployment", "unhealthy": "deployment", "degraded": "overlays/grpc-probes", "starting": "overlays/grpc-probes",
	} {
		t.Run(dir+"/"+name, func(t *testing.T) {
			s := states(t)[name]
			k := newKubelet(t, dir, s.config, "--web.config.file="+web)
			k.timeout = time.Second
			eventually(t, fmt.Sprintf("the kubelet gets %+v", s.want), func() bool { return k.now() == s.want })
			if dir != "deployment" {
				return
			}
			_, port, err := net.SplitHostPort(k.exporter.main)
			if err != nil {
				t.Fatal(err)
			}
			for _, scheme := range []core.URIScheme{core.URISchemeHTTP, core.URISchemeHTTPS} {
				p := k.container.LivenessProbe.DeepCopy()
				p.HTTPGet.Scheme, p.HTTPGet.Port = scheme, intstr.Parse(port)
				if got := k.ask(p); got != failure {
					t.Errorf("%s on the main listener: %v, want a failure: it asks for a password", scheme, got)
				}
			}
		})
	}
}

// health is what /health answers on the main listener, empty if nobody does.
func (e *exporter) health() string {
	e.t.Helper()
	_, body := e.get("http", "/health")
	return body
}

// get asks the main listener; code 0 says that nobody answers.
func (e *exporter) get(scheme, path string) (code int, body string) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	resp, err := client.Get(scheme + "://" + e.main + path)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(data)
}

// certificate is one for loopback that nobody signed, and its key.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

// replace writes a file again.
func replace(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
