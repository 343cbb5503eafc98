package p2p

import (
	"strings"
	"testing"
	"time"
)

var heartbeatTime = time.Date(2025, 9, 30, 10, 30, 5, 0, time.UTC)

func TestHeartbeatFieldsParse(t *testing.T) {
	whole := statement{node: "n1", term: 4, uptime: 90 * time.Second, sent: heartbeatTime}
	for name, tt := range map[string]struct {
		fields HeartbeatFields
		data   string
		want   statement
		err    string // part of it; none: there is no error
	}{
		"default": {
			data: `{"node_id":"n1","term":4,"uptime":90000000000,"timestamp":"2025-09-30T10:30:05Z"}`, want: whole,
		},
		"any order, more fields, other zone": {
			data: `{"timestamp":"2025-09-30T12:30:05+02:00","x":{"term":5},"uptime":"1m30s","term":4,"X":[1],"node_id":"n1"} `,
			want: whole,
		},
		"other names and units": {
			fields: HeartbeatFields{
				NodeID: "id", Term: "epoch", Uptime: "up", Timestamp: "ts",
				UptimeUnit: time.Second, TimestampUnit: time.Millisecond,
			},
			data: `{"id":"n1","epoch":4,"up":90,"ts":1759228205000,"term":"not ours"}`, want: whole,
		},
		"fractions": {
			fields: HeartbeatFields{UptimeUnit: time.Second},
			data:   `{"node_id":"n1","term":4,"uptime":0.5,"timestamp":1759228205.5}`,
			want:   statement{node: "n1", term: 4, uptime: 500 * time.Millisecond, sent: heartbeatTime.Add(500 * time.Millisecond)},
		},
		"nanoseconds are exact": {
			fields: HeartbeatFields{TimestampUnit: time.Nanosecond, Uptime: NotSent},
			data:   `{"node_id":"n1","term":4,"timestamp":1759228205000000001}`,
			want:   statement{node: "n1", term: 4, sent: heartbeatTime.Add(1)},
		},
		"only a time": {
			fields: HeartbeatFields{NodeID: NotSent, Term: NotSent, Uptime: NotSent},
			data:   `{"timestamp":1759228205,"-":1}`, want: statement{sent: heartbeatTime},
		},
		"within other objects": {
			fields: HeartbeatFields{NodeID: "from", Term: "data.state.term", Uptime: "data.up", Timestamp: "data.ts"},
			data:   `{"data":{"ts":1759228205,"state":{"term":4},"up":"90s"},"from":"n1"}`, want: whole,
		},
		"a dot in a name is no path": {
			fields: HeartbeatFields{Term: "data.term"},
			data:   `{"node_id":"n1","data.term":4,"uptime":1,"timestamp":1}`, err: "lacks the field data.term",
		},
		"empty":                {data: ``, err: "not a JSON object"},
		"null":                 {data: `null`, err: "not a JSON object"},
		"a list":               {data: `[]`, err: "not a JSON object"},
		"no fields":            {data: `{}`, err: "lacks the field node_id"},
		"cut off":              {data: `{"node_id":"n1","term":4,`, err: "read a field"},
		"cut off at the end":   {data: `{"node_id":"n1"`, err: "read"},
		"two objects":          {data: `{}{}`, err: "more after the object"},
		"twice":                {data: `{"term":4,"term":5}`, err: "the field term twice"},
		"other case":           {data: `{"Node_ID":"n1","term":4,"uptime":1,"timestamp":1}`, err: "lacks the field node_id"},
		"node is a number":     {data: `{"node_id":1,"term":4,"uptime":1,"timestamp":1}`, err: "field node_id: is not a text"},
		"term is text":         {data: `{"node_id":"n1","term":"4","uptime":1,"timestamp":1}`, err: "field term: is not a whole number"},
		"term under 0":         {data: `{"node_id":"n1","term":-1,"uptime":1,"timestamp":1}`, err: "field term"},
		"term too high":        {data: `{"node_id":"n1","term":9007199254740993,"uptime":1,"timestamp":1}`, err: "field term"},
		"term is a fraction":   {data: `{"node_id":"n1","term":4.0,"uptime":1,"timestamp":1}`, err: "field term"},
		"term is null":         {data: `{"node_id":"n1","term":null,"uptime":1,"timestamp":1}`, err: "field term"},
		"uptime under 0":       {data: `{"node_id":"n1","term":4,"uptime":-1,"timestamp":1}`, err: "field uptime"},
		"uptime under 0, text": {data: `{"node_id":"n1","term":4,"uptime":"-1s","timestamp":1}`, err: "field uptime"},
		"uptime beyond all":    {data: `{"node_id":"n1","term":4,"uptime":1e300,"timestamp":1}`, err: "field uptime"},
		"time beyond all":      {data: `{"node_id":"n1","term":4,"uptime":1,"timestamp":9223372036854775807}`, err: "field timestamp"},
		"time before 1970":     {data: `{"node_id":"n1","term":4,"uptime":1,"timestamp":"1969-12-31T23:59:59Z"}`, err: "field timestamp"},
		"time is no time":      {data: `{"node_id":"n1","term":4,"uptime":1,"timestamp":"today"}`, err: "field timestamp"},
		"time is a list":       {data: `{"node_id":"n1","term":4,"uptime":1,"timestamp":[]}`, err: "field timestamp"},
		"too long":             {data: `{"x":"` + strings.Repeat("x", MaxHeartbeatBytes) + `"}`, err: "longer than 1024 bytes"},
		"deep":                 {data: strings.Repeat(`{"x":`, 100) + strings.Repeat(`}`, 100), err: "read"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tt.fields.complete(); err != nil {
				t.Fatal(err)
			}
			got, err := tt.fields.parse([]byte(tt.data))
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestHeartbeatFieldsComplete(t *testing.T) {
	for name, tt := range map[string]struct {
		fields HeartbeatFields
		err    string
	}{
		"no time":       {HeartbeatFields{Timestamp: NotSent}, "without a timestamp"},
		"same name":     {HeartbeatFields{Term: "uptime"}, `"uptime" and "uptime"`},
		"within itself": {HeartbeatFields{Term: "node_id.term"}, `"node_id" and "node_id.term"`},
		"odd unit":      {HeartbeatFields{UptimeUnit: time.Minute}, "unit 1m0s: give 1ns, 1us, 1ms or 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tt.fields.complete(); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

// FuzzHeartbeatFields: whatever arrives, parse comes back, keeps its bounds, and reads the same the second time.
func FuzzHeartbeatFields(f *testing.F) {
	for _, seed := range []string{
		`{"node_id":"n1","term":4,"uptime":90000000000,"timestamp":"2025-09-30T10:30:05Z"}`,
		`{"node_id":"n1","term":4,"uptime":"1m","timestamp":1759228205.25}`,
		`{"id":"n1","data":{"term":9007199254740992,"up":90.5,"ts":1759228205000}}`,
		`{"data":{"data":{"term":1}},"term":1,"term":2}`, `{"node_id":"\ud800"}`, `{`, `[]`, `nul`, "\xff", `{"a":1}{}`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, nested bool) {
		fields := HeartbeatFields{}
		if nested {
			fields = HeartbeatFields{
				NodeID: "id", Term: "data.term", Uptime: "data.up", Timestamp: "data.ts", TimestampUnit: time.Millisecond,
			}
		}
		if err := fields.complete(); err != nil {
			t.Fatal(err)
		}
		s, err := fields.parse(data)
		if err != nil {
			if s != (statement{}) || len(err.Error()) > 300 {
				t.Errorf("an error of %d bytes beside %+v", len(err.Error()), s)
			}
			return
		}
		if len(data) > MaxHeartbeatBytes || s.term > maxTerm || s.uptime < 0 || s.sent.Year() < 1970 || s.sent.Year() > 2261 {
			t.Errorf("%q is read as %+v", data, s)
		}
		if again, err := fields.parse(data); err != nil || again != s {
			t.Errorf("read again: %+v, %v, want %+v", again, err, s)
		}
	})
}

func BenchmarkHeartbeatParse(b *testing.B) {
	var fields HeartbeatFields
	if err := fields.complete(); err != nil {
		b.Fatal(err)
	}
	data := []byte(`{"node_id":"n1","term":4,"uptime":90000000000,"timestamp":"2025-09-30T10:30:05Z"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fields.parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
