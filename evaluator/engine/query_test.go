package engine

import (
	"testing"
	"time"
)

// A query that does not end is stopped, and the error says what to do.
func TestSlowQueryIsStopped(t *testing.T) {
	e, err := New(Options{LookBack: time.Hour, MaxSeries: 10})
	if err != nil {
		t.Fatal(err)
	}
	q := e.Query
	q.Begin(time.Millisecond)
	q.Now = func() time.Time { return q.until.Add(-time.Millisecond) }
	_, err = q.Instant(t.Context(), "sum_over_time((sum_over_time(vector(1)[90m:1s]))[90m:1s])", time.Unix(1000, 0), 0)
	if want := "stopped after 1ms: an evaluation has 1ms for all its rules; use a shorter range or a longer step"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}
