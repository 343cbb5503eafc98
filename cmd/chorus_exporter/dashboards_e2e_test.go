//go:build e2e && linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// dashboardQuery is a query of a dashboard with its variables filled in, as `go run ./dashboards -queries` lists it.
type dashboardQuery struct {
	Dashboard, Panel, Kind, Ref, Expr string

	Instant bool
	Needs   []string // what must be the case for it to have data
}

// dashboardQueries are those of all dashboards, with windows as short as this test is, and for one node.
func dashboardQueries(t *testing.T, instance string) []dashboardQuery {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./dashboards", "-queries",
		"-rate-interval=20s", "-interval=1s", "-range=1m", "-instance="+instance)
	cmd.Dir = root(t)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list the queries of the dashboards: %v\n%s", err, log.String())
	}
	var queries []dashboardQuery
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var q dashboardQuery
		err := d.Decode(&q)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		queries = append(queries, q)
	}
	if len(queries) < 100 {
		t.Errorf("%d queries, want those of all dashboards", len(queries))
	}
	return queries
}

// has says whether a query has data, over the last minute if a panel draws it.
func (s *server) has(q dashboardQuery) (bool, error) {
	s.t.Helper()
	if q.Instant {
		samples, err := s.query(q.Expr)
		return len(samples) > 0, err
	}
	now := time.Now()
	seconds := func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
	var answer struct{ Result []json.RawMessage }
	err := s.api("/api/v1/query_range", url.Values{
		"query": {q.Expr}, "start": {seconds(now.Add(-time.Minute))}, "end": {seconds(now)}, "step": {"1"},
	}, &answer)
	return len(answer.Result) > 0, err
}

// draws checks that every query of every dashboard parses, and that all that need no more than conditions have data. It
// notes those that have.
func (s *server) draws(queries []dashboardQuery, conditions ...string) {
	s.t.Helper()
	full := 0
	for _, q := range queries {
		expected := !slices.ContainsFunc(q.Needs, func(need string) bool { return !slices.Contains(conditions, need) })
		ok, err := s.has(q)
		for end := time.Now().Add(patience); expected && !ok && err == nil && time.Now().Before(end); time.Sleep(time.Second) {
			ok, err = s.has(q) // a scrape may be late
		}
		if ok {
			full++
			s.drawn[q.Expr] = true
		}
		if err != nil {
			s.t.Errorf("%s: %s, %s %q, %s: %v\n%s", s.name, q.Dashboard, q.Kind, q.Panel, q.Ref, err, q.Expr)
			continue
		}
		if !ok && expected {
			s.t.Errorf("%s: %s, %s %q, %s has no data (%s)\n%s",
				s.name, q.Dashboard, q.Kind, q.Panel, q.Ref, strings.Join(q.Needs, ", "), q.Expr)
		}
	}
	s.t.Logf("%s: of %d queries of dashboards, %d have data", s.name, len(queries), full)
}

// hasDrawn checks that every query of every dashboard has had data at least once.
func (s *server) hasDrawn(queries []dashboardQuery) {
	s.t.Helper()
	for _, q := range queries {
		if !s.drawn[q.Expr] {
			s.t.Errorf("%s: %s, %s %q, %s never had data (%s)\n%s",
				s.name, q.Dashboard, q.Kind, q.Panel, q.Ref, strings.Join(q.Needs, ", "), q.Expr)
		}
	}
}
