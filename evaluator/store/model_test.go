package store

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

// FuzzStore reads its input as a program of operations, runs it on the store and on a naive model, and compares what
// both answer. What queries returned on the way is compared again at the end, when the store has gone on writing.
func FuzzStore(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(randomProgram(seed, 300))
	}
	f.Fuzz(func(t *testing.T, program []byte) { runProgram(t, program[:min(len(program), 2000)]) })
}

func TestStoreAgainstModel(t *testing.T) {
	for seed := range uint64(10) {
		runProgram(t, randomProgram(seed, 4000))
	}
}

func randomProgram(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// machine runs a program on both.
type machine struct {
	t       *testing.T
	program []byte
	now     int64
	store   *Store
	naive   naive
	refs    map[string]Ref // never forgotten, so that refs of collected series are used too
	kept    []keptSet      // what queries returned
}

type keptSet struct {
	views []storage.Series
	want  []answer
}

func runProgram(t *testing.T, program []byte) {
	m := &machine{t: t, program: program, now: 1000, refs: map[string]Ref{}, naive: naive{retention: 100}}
	m.store = newStore(t, 100*time.Millisecond, naiveMaxSeries)
	for len(m.program) > 0 {
		switch op := m.next() % 32; {
		case op < 16:
			m.append()
		case op < 20:
			m.write()
		case op < 26:
			m.query()
		case op < 28:
			m.latest()
		case op < 30:
			m.labels()
		case op == 30:
			m.gc()
		default:
			m.naive.retention = int64(m.next())
			m.store.SetRetention(time.Duration(m.naive.retention) * time.Millisecond)
		}
		m.stats()
	}
	for _, k := range m.kept {
		m.same("result of a query, after later writes", k.want, readAll(k.views))
	}
}

func (m *machine) next() byte {
	if len(m.program) == 0 {
		return 0
	}
	b := m.program[0]
	m.program = m.program[1:]
	return b
}

func (m *machine) same(what string, want, got any) {
	m.t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		m.t.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

func (m *machine) anyLabels() labels.Labels {
	b := m.next()
	return labels.NewBuilder(labels.EmptyLabels()).
		Set(model.MetricNameLabel, []string{"up", "load"}[b&1]).
		Set("a", []string{"", "x", "y"}[b>>1%3]).
		Set("b", []string{"", "x", "z"}[b>>4%3]).Labels()
}

func (m *machine) anyValue() float64 {
	return []float64{0, 1, -1, math.Inf(1), math.NaN(), math.Float64frombits(value.StaleNaN)}[m.next()%6]
}

func (m *machine) append() {
	b := m.next()
	switch {
	case b < 128:
		m.now += int64(b % 8)
	case b < 132:
		m.now += int64(b) // a gap, longer than most retentions
	}
	t, now := m.now, m.now
	switch {
	case b >= 250:
		t -= int64(b - 249)
		now = t
	case b >= 240: // a time of its own
		t += int64(m.next()) - 200
	}
	v := m.anyValue()
	l := m.anyLabels()
	var ref Ref
	if b%2 == 0 {
		ref = m.refs[l.String()]
	}
	want := m.naive.append(l, t, v, now)
	got, err := m.store.AppendAt(ref, l, t, v, now)
	if !errors.Is(err, want) {
		m.t.Fatalf("append %s at %d: want error %v, got %v", l, t, want, err)
	}
	if err == nil && got == 0 || errors.Is(err, ErrSeriesLimit) && got != 0 {
		m.t.Fatalf("append %s at %d: ref %d beside error %v", l, t, got, err)
	}
	if got != 0 {
		m.refs[l.String()] = got
	}
}

func (m *machine) write() {
	var entries []Entry
	for range m.next() % 6 {
		e := Entry{Labels: m.anyLabels(), Value: m.anyValue(), Yields: m.next()%2 == 0}
		if m.next()%2 == 0 {
			e.Ref = m.refs[e.Labels.String()]
		}
		if !slices.ContainsFunc(entries, func(x Entry) bool { return labels.Equal(x.Labels, e.Labels) }) {
			entries = append(entries, e)
		}
	}
	limit := naiveMaxSeries - int(m.next()%4)
	want := m.naive.write(m.now, limit, entries)
	if err := m.store.Write(m.now, limit, entries); !errors.Is(err, want) {
		m.t.Fatalf("write %v at %d: want error %v, got %v", entries, m.now, want, err)
	}
	for _, e := range entries {
		if want == nil {
			m.refs[e.Labels.String()] = e.Ref
		}
	}
}

func (m *machine) matchers() []*labels.Matcher {
	var ms []*labels.Matcher
	for _, name := range []string{model.MetricNameLabel, "a", "b", "absent"} {
		switch b := m.next(); {
		case b < 128 || (name == "absent" && b < 230):
		case b < 192:
			ms = append(ms, matcher(labels.MatchEqual, name, []string{"", "up", "load", "x", "y"}[b%5]))
		case b < 208:
			ms = append(ms, matcher(labels.MatchNotEqual, name, []string{"", "up", "load", "x", "y"}[b%5]))
		case b < 232:
			ms = append(ms, matcher(labels.MatchRegexp, name, []string{".*", ".+", "x|y|up", "lo.*", "|x"}[b%5]))
		default:
			ms = append(ms, matcher(labels.MatchNotRegexp, name, []string{".*", ".+", "x|y|up", "lo.*", "|x"}[b%5]))
		}
	}
	return ms
}

func (m *machine) query() {
	maxt := m.now + 2 - int64(m.next()%32)
	mint := maxt - int64(m.next())
	ms := m.matchers()
	want := m.naive.query(mint, maxt, ms)

	const wide = 20
	exact := &storage.SelectHints{Start: mint, End: maxt, Step: 1}               // a step: more than one evaluation
	loose := &storage.SelectHints{Start: mint - wide, End: maxt + wide, Step: 1} // can't widen the querier's range
	for _, by := range []struct {
		mint, maxt int64
		hints      *storage.SelectHints
	}{{mint, maxt, nil}, {mint - wide, maxt + wide, exact}, {mint, maxt, loose}} {
		q, _ := m.store.Querier(by.mint, by.maxt)
		views := expand(m.t, q.Select(m.t.Context(), true, by.hints, ms...))
		m.same("query", want, readAll(views))
		m.kept = append(m.kept, keptSet{views, want})

		unsorted := readAll(expand(m.t, q.Select(m.t.Context(), false, by.hints, ms...)))
		slices.SortFunc(unsorted, func(a, b answer) int { return cmpLabels(m.naive, a, b) })
		m.same("unsorted query", want, unsorted)
	}
}

// cmpLabels orders answers as the model lists its series.
func cmpLabels(m naive, a, b answer) int {
	at := func(x answer) int {
		return slices.IndexFunc(m.series, func(s *naiveSeries) bool { return s.l.String() == x.Labels })
	}
	return at(a) - at(b)
}

func (m *machine) latest() {
	asOf := m.now - int64(m.next()%8)
	var got []answer
	m.store.Latest("up", asOf, func(l labels.Labels, v float64) {
		m.store.Stats() // f may use the store
		got = append(got, answer{l.String(), []naiveSample{{0, math.Float64bits(v)}}})
	})
	want := m.naive.latest("up", asOf)
	for _, a := range want {
		a.Samples[0].T = 0 // Latest gives none
	}
	slices.SortFunc(got, func(a, b answer) int { return cmpLabels(m.naive, a, b) })
	m.same("latest", want, got)
}

func (m *machine) labels() {
	mint, ms := m.now-int64(m.next()), m.matchers()
	names, values := map[string]struct{}{}, map[string]struct{}{}
	for _, s := range m.naive.series {
		if s.matches(ms) && len(m.naive.query(mint, m.now, exactly(s.l))) > 0 {
			s.l.Range(func(l labels.Label) { names[l.Name] = struct{}{} })
			if s.l.Has("a") {
				values[s.l.Get("a")] = struct{}{}
			}
		}
	}
	q, _ := m.store.Querier(mint, m.now)
	gotNames, _, _ := q.LabelNames(m.t.Context(), nil, ms...)
	gotValues, _, _ := q.LabelValues(m.t.Context(), "a", nil, ms...)
	m.same("label names", sortedKeys(names), gotNames)
	m.same("label values", sortedKeys(values), gotValues)
}

// exactly matches the series of l and no other of the model's.
func exactly(l labels.Labels) []*labels.Matcher {
	var ms []*labels.Matcher
	for _, name := range []string{model.MetricNameLabel, "a", "b"} {
		ms = append(ms, matcher(labels.MatchEqual, name, l.Get(name)))
	}
	return ms
}

func (m *machine) gc() {
	mint := m.now - int64(m.next())
	m.same("collected", m.naive.gc(mint), m.store.GC(mint))
}

func (m *machine) stats() {
	samples := 0
	for _, s := range m.naive.series {
		samples += len(s.samples)
	}
	gotSeries, gotSamples := m.store.Stats()
	if gotSeries != len(m.naive.series) || gotSamples != samples {
		m.t.Fatalf("stats: want %d, %d, got %d, %d", len(m.naive.series), samples, gotSeries, gotSamples)
	}
}
