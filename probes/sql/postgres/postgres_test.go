package postgres

import (
	"errors"
	"strings"
	"testing"

	"chorus/probes"
)

func TestValidate(t *testing.T) {
	for _, name := range []string{"PGPASSWORD", "PGUSER", "PGPASSFILE"} {
		t.Setenv(name, "")
	}
	secret := func() (string, error) { return "s3cr3t", nil }
	for _, tt := range []struct {
		name           string
		options        Options
		fault, warning string
	}{
		{"sound", Options{DSN: "postgres://me@db/orders"}, "", ""},
		{"no host", Options{DSN: "postgres:///orders"}, "no host", ""},
		{"two passwords", Options{DSN: "postgres://me:x@db/orders", Password: secret}, "keep one", ""},
		{"unknown parameter", Options{DSN: "postgres://me@db/orders?sslmod=x"}, `did you mean "sslmode"?`, ""},
		{"ignored parameter", Options{DSN: "postgres://me@db/orders?pool_max_conns=3"}, "", "pool_max_conns is ignored"},
		{"no user", Options{DSN: "postgres://db.example/orders"}, "", "no user"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			warnings, err := tt.options.Validate()
			switch {
			case tt.fault == "" && err != nil, tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)):
				t.Errorf("error %v, want %q", err, tt.fault)
			case strings.Join(warnings, "") == "" != (tt.warning == ""), !strings.Contains(strings.Join(warnings, ""), tt.warning):
				t.Errorf("warnings %q, want %q", warnings, tt.warning)
			}
			p, err := New(tt.options)
			if (err == nil) != (tt.fault == "") {
				t.Errorf("New: %v, want the fault %q", err, tt.fault)
			}
			if err == nil {
				_ = p.Close()
			}
		})
	}
}

// A password that cannot be had fails the run, before anything is sent.
func TestPasswordFails(t *testing.T) {
	p, err := New(Options{
		DSN:      "postgres://me@127.0.0.1:1/orders",
		Password: func() (string, error) { return "", errors.New("it is empty") },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, err = p.Probe(t.Context())
	if err == nil || !strings.Contains(err.Error(), "read the password: it is empty") || probes.ReasonOf(err) == "" {
		t.Errorf("error %v", err)
	}
}
