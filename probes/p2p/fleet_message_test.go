package p2p

import (
	"strings"
	"testing"
)

func TestFleetMessage(t *testing.T) {
	const good = `{"v":1,"status":"degraded","wants_stop":true,"node":"node-1","sent":1759228205000}`
	m := fleetMessage{Version: 1, Status: "degraded", WantsStop: true, Node: "node-1", Sent: 1759228205000}
	if got, err := m.encode(); err != nil || string(got) != good {
		t.Errorf("encode = %s, %v, want %s", got, err, good)
	}
	if got, err := parseFleet([]byte(good)); err != nil || got != m {
		t.Errorf("parse = %+v, %v, want %+v", got, err, m)
	}
	for name, tt := range map[string]struct{ data, want string }{
		"empty":              {"", "parse"},
		"no JSON":            {"healthy", "parse"},
		"no object":          {`["healthy"]`, "parse"},
		"null":               {`null`, "version 0"},
		"more behind":        {good + `{}`, "parse"},
		"a space":            {good + " ", "not written"},
		"another version":    {strings.Replace(good, `"v":1`, `"v":2`, 1), "version 2: this exporter knows version 1"},
		"an unknown status":  {strings.Replace(good, "degraded", "fine", 1), "none of the five"},
		"no status":          {strings.Replace(good, `"status":"degraded",`, "", 1), "none of the five"},
		"status in capitals": {strings.Replace(good, "degraded", "Degraded", 1), "none of the five"},
		"no wish":            {strings.Replace(good, `"wants_stop":true,`, "", 1), "not written"},
		"a wish in text":     {strings.Replace(good, `true`, `"true"`, 1), "parse"},
		"an unknown field":   {strings.Replace(good, `{`, `{"more":1,`, 1), "not written"},
		"a field twice":      {strings.Replace(good, `{`, `{"status":"healthy",`, 1), "not written"},
		"another order":      {`{"status":"healthy","v":1,"wants_stop":false,"node":"n","sent":1}`, "not written"},
		"field in capitals":  {strings.Replace(good, `"status"`, `"STATUS"`, 1), "not written"},
		"no time":            {strings.Replace(good, `,"sent":1759228205000`, "", 1), "its time"},
		"time under 0":       {strings.Replace(good, `1759228205000`, "-1", 1), "its time"},
		"time out of range":  {strings.Replace(good, `1759228205000`, "9007199254740993", 1), "its time"},
		"time beyond 64 bit": {strings.Replace(good, `1759228205000`, "1e30", 1), "parse"},
		"a broken time":      {strings.Replace(good, `1759228205000`, "1.5", 1), "parse"},
		"a node in control":  {strings.Replace(good, `node-1`, `node\n1`, 1), "node id"},
		"a long node":        {strings.Replace(good, `node-1`, strings.Repeat("n", 129), 1), "node id"},
		"too long":           {strings.Replace(good, `node-1`, strings.Repeat("n", 512), 1), "longer than 512"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := parseFleet([]byte(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("parse %s: %v, want %q", tt.data, err, tt.want)
			}
			if m != (fleetMessage{}) {
				t.Errorf("beside the error came %+v", m)
			}
		})
	}
}

// Whatever a node is called, its announcements fit and can be read.
func TestFleetNodeFits(t *testing.T) {
	for _, id := range []string{
		"", "node-1", strings.Repeat(`"`, 300), strings.Repeat("\x00", 300), strings.Repeat("ä", 300), "\xff\xfe",
		strings.Repeat("\u2028", 300), strings.Repeat("<&>", 100), strings.Repeat("😀", 99),
	} {
		m := fleetMessage{Version: 1, Status: "unhealthy", WantsStop: true, Node: printableNode(id), Sent: maxFleetSent}
		data, err := m.encode()
		must(t, err)
		if got, err := parseFleet(data); err != nil || got != m {
			t.Errorf("node %.20q: %d bytes, %v", id, len(data), err)
		}
	}
}

func FuzzParseFleet(f *testing.F) {
	f.Add([]byte(`{"v":1,"status":"healthy","wants_stop":false,"node":"node-1","sent":1759228205000}`))
	f.Add([]byte(`{"v":1,"status":"stopping","wants_stop":true,"node":"a\"\\<b>","sent":9007199254740992}`))
	f.Add([]byte(`{"v":1,"status":"fine","status":"healthy","wants_stop":false,"node":"","sent":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseFleet(data)
		if err != nil {
			if m != (fleetMessage{}) {
				t.Errorf("beside the error came %+v", m)
			}
			return
		}
		again, err := m.encode()
		if err != nil || string(again) != string(data) || len(data) > MaxFleetBytes {
			t.Errorf("%q is written %q, %v", data, again, err)
		}
		if s := (FleetStatus{Status: m.Status}); s.known() != s || len(m.Node) > maxFleetNode {
			t.Errorf("accepted %+v", m)
		}
	})
}

func BenchmarkFleetParse(b *testing.B) {
	data := []byte(`{"v":1,"status":"degraded","wants_stop":false,"node":"node-1","sent":1759228205000}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseFleet(data); err != nil {
			b.Fatal(err)
		}
	}
}
