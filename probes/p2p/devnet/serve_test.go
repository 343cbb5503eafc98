package devnet

import (
	"strings"
	"testing"
)

func TestRunNode(t *testing.T) {
	t.Parallel()
	begin := `{"id":1,"op":"start","start":{"seed":"x","topics":["t"],"heartbeat_topic":"h","heartbeat_interval":1000000000,` +
		`"protocol_prefix":"/x","task_workers":1,"task_queue":1}}` + "\n"
	tests := map[string]struct {
		in     string
		out    []string // a part of each line
		failed bool
	}{
		"nothing":     {},
		"not started": {in: `{"id":7,"op":"report"}`, out: []string{`{"id":7,"error":"operation \"report\": a node`}},
		"no config":   {in: `{"id":7,"op":"start"}`, out: []string{`"error":"start: there is no configuration"`}},
		"bad config":  {in: `{"id":7,"op":"start","start":{"port":1}}`, out: []string{`"error":"start node 0: heartbeat interval 0s`}},
		"no JSON":     {in: begin + "x", out: []string{`"info":`}, failed: true},
		"started": {
			in: begin + `{"id":2,"op":"report"}` + "\n" + `{"id":3,"op":"dance"}` + "\n" + begin,
			out: []string{
				`"Addrs":["/ip4/127.0.0.1/tcp/`, `{"id":2,"report":{"peers":0,`,
				`{"id":3,"error":"operation \"dance\": unknown"}`, `{"id":1,"error":"operation \"start\": a node is started first`,
			},
		},
		"more tasks than room": {
			in:  begin + `{"id":2,"op":"load","load":{"count":9,"work":1000000000}}`,
			out: []string{`"info"`, `task queue is full`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			err := RunNode(t.Context(), NodeOptions{In: strings.NewReader(test.in), Out: &out})
			if (err != nil) != test.failed {
				t.Errorf("error: %v", err)
			}
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			if test.out == nil && lines[0] == "" {
				return
			}
			if len(lines) != len(test.out) {
				t.Fatalf("%d lines, want %d:\n%s", len(lines), len(test.out), out.String())
			}
			for i, part := range test.out {
				if !strings.Contains(lines[i], part) {
					t.Errorf("line %d: %s\nlacks %s", i, lines[i], part)
				}
			}
		})
	}
}

func TestNeighbours(t *testing.T) {
	t.Parallel()
	for n := range 60 {
		reached := map[int]bool{0: true}
		for range n {
			for i := range n {
				dials := neighbours(n, i)
				if len(dials) != min(degree, n-1) {
					t.Fatalf("ring of %d: node %d dials %v", n, i, dials)
				}
				for _, j := range dials {
					if j == i || j < 0 || j >= n {
						t.Fatalf("ring of %d: node %d dials %v", n, i, dials)
					}
					if reached[i] {
						reached[j] = true
					}
				}
			}
		}
		if n > 0 && len(reached) != n {
			t.Errorf("ring of %d: %d are reached", n, len(reached))
		}
	}
}
