package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestFlagsAreChecked(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"--web.listen-address=127.0.0.1:1 --web.listen-address=127.0.0.1:2 --grpc.listen-address=:3", ""},
		{"--web.listen-address=127.0.0.1:0 --web.probe-listen-address=127.0.0.1:0", ""},
		{"--web.listen-address=vsock://:9999", ""},
		{"--web.listen-address=localhost:http", ""},
		{"--web.telemetry-path=/", ""},
		{"--web.telemetry-path=metrics", "--web.telemetry-path=metrics: a path begins with a slash; use one such as /metrics"},
		{"--web.telemetry-path=", "--web.telemetry-path=: a path begins with a slash"},
		{"--web.listen-address=127.0.0.1:1 --web.listen-address=127.0.0.1:1", "--web.listen-address=127.0.0.1:1: given twice; remove one"},
		{"--web.listen-address=:1 --grpc.listen-address=127.0.0.1:1", "--grpc.listen-address=127.0.0.1:1: the port is taken by --web.listen-address=:1"},
		{"--web.listen-address=127.0.0.1:99999", "--web.listen-address=127.0.0.1:99999: not an address; use HOST:PORT"},
		{"--web.listen-address=8081", "--web.listen-address=8081: not an address"},
		{"--web.listen-address=", "--web.listen-address=: not an address"},
		{"--web.probe-listen-address=[::1", "--web.probe-listen-address=[::1: not an address"},
		{"--grpc.listen-address=1.2.3.4:x", "--grpc.listen-address=1.2.3.4:x: not an address"},
		{"--grpc.listen-address=:-1", "--grpc.listen-address=:-1: not an address"},
	} {
		var out, complaint bytes.Buffer
		_, code, done := parseFlags(strings.Fields(tt.args), &out, &complaint)
		if wrong := tt.want != ""; done != wrong || wrong && code != exitUsage || !strings.Contains(complaint.String(), tt.want) {
			t.Errorf("%s: code %d, done %v, %q; want %q", tt.args, code, done, complaint.String(), tt.want)
		}
	}
}
