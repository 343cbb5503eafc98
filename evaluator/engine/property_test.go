package engine

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/prometheus/model/labels"

	"chorus/rules"
)

// TestRulesAgainstModel evaluates random rule groups that write and read three names and two alerts, and compares what is
// in the store after each group with a plain model: a map that holds, for each series, what the last evaluation of its
// writer wrote. Rules stop, fail, take over from each other and are reloaded, and groups have intervals.
func TestRulesAgainstModel(t *testing.T) {
	for seed := range uint64(80) {
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { newPlay(t, seed).run(40) }) {
			return
		}
	}
}

// key is a series of the model: n0{k="1"}, or the alert A0 with that label.
type key struct{ name, k string }

// term is an expression and what it means in the model: values by label k, or an error.
type term struct {
	text string
	eval func(p *play) (map[string]float64, bool)
}

func terms() []term {
	one := func(v float64) map[string]float64 { return map[string]float64{"": v} }
	var out []term
	add := func(text string, eval func(p *play) (map[string]float64, bool)) { out = append(out, term{text, eval}) }
	for i := range 3 {
		m, n := fmt.Sprint("m", i), fmt.Sprint("n", i)
		add(m, func(p *play) (map[string]float64, bool) {
			if p.measured[i] < 0 {
				return nil, true
			}
			return one(p.measured[i]), true
		})
		add(m+" * on () bad", func(p *play) (map[string]float64, bool) { // an error while bad has two series
			if p.measured[i] < 0 {
				return nil, true
			}
			return one(p.measured[i]), !p.bad
		})
		add("sum("+n+") or vector(0)", func(p *play) (map[string]float64, bool) {
			sum := 0.0
			for _, v := range p.of(n) {
				sum += v
			}
			return one(sum), true
		})
		add(n+`{k="0"} + 1`, func(p *play) (map[string]float64, bool) {
			if v, ok := p.series[key{n, "0"}]; ok {
				return map[string]float64{"0": v + 1}, true
			}
			return nil, true
		})
		add(n, func(p *play) (map[string]float64, bool) { return p.of(n), true })
	}
	for i := range 2 {
		a := fmt.Sprint("A", i)
		add(`count(ALERTS{alertname="`+a+`"}) or vector(0)`, func(p *play) (map[string]float64, bool) {
			return one(float64(len(p.of(a)))), true
		})
	}
	return out
}

// play is groups of the evaluator beside the model.
type play struct {
	t      *testing.T
	r      *rand.Rand
	engine *Engine
	set    []rules.Group
	groups []*Group
	now    int64
	terms  map[string]term
	texts  []string

	measured [3]float64 // negative: absent
	bad      bool

	series  map[key]float64        // what is written
	at      map[key]int64          // when it was last given a value
	written map[*Rule]map[key]bool // what a rule wrote when it was last evaluated
}

func newPlay(t *testing.T, seed uint64) *play {
	e, err := New(Options{LookBack: time.Hour, MaxSeries: 1000})
	if err != nil {
		t.Fatal(err)
	}
	p := &play{
		t: t, r: rand.New(rand.NewPCG(seed, 7)), now: 1_000_000, terms: map[string]term{},
		engine: e,
		series: map[key]float64{}, at: map[key]int64{}, written: map[*Rule]map[key]bool{},
	}
	for _, x := range terms() {
		p.terms[x.text], p.texts = x, append(p.texts, x.text)
	}
	for i := range 3 {
		g := rules.Group{Name: fmt.Sprint("g", i), File: "own.rules.yml"}
		if p.r.IntN(3) == 0 {
			g.Interval = 20 * time.Second
		}
		for range 1 + p.r.IntN(4) {
			g.Rules = append(g.Rules, p.anyRule())
		}
		p.set = append(p.set, g)
	}
	p.load()
	return p
}

func (p *play) anyRule() rules.Rule {
	r := rules.Rule{Expr: p.texts[p.r.IntN(len(p.texts))]}
	if p.r.IntN(4) == 0 {
		r.Alert = fmt.Sprint("A", p.r.IntN(2))
	} else {
		r.Record = fmt.Sprint("n", p.r.IntN(3))
	}
	if k := p.r.IntN(3); k < 2 { // else the labels of the expression
		r.Labels = labels.FromStrings("k", fmt.Sprint(k))
	}
	return r
}

// load is what Engine.Install does.
func (p *play) load() {
	var fresh []*Group
	for _, g := range p.set {
		fresh = append(fresh, newGroup(g, Custom))
	}
	orphans := adopt(fresh, p.groups)
	p.now++
	for _, r := range orphans {
		r.retire(p.engine, p.now)
	}
	p.groups = fresh
	for _, r := range orphans {
		for k := range p.written[r] {
			p.leave(r, k)
		}
		delete(p.written, r)
	}
}

// reload changes one rule.
func (p *play) reload() {
	for i := range p.set { // as loaded before stays as it was
		p.set[i].Rules = append([]rules.Rule(nil), p.set[i].Rules...)
	}
	g := &p.set[p.r.IntN(len(p.set))]
	i := p.r.IntN(len(g.Rules))
	switch p.r.IntN(4) {
	case 0:
		g.Rules[i].Expr = p.texts[p.r.IntN(len(p.texts))]
	case 1:
		g.Rules = append(g.Rules, p.anyRule())
	case 2:
		if len(g.Rules) > 1 {
			g.Rules = append(g.Rules[:i], g.Rules[i+1:]...)
		}
	default:
		g.Rules[0], g.Rules[i] = g.Rules[i], g.Rules[0]
	}
	p.load()
}

func (p *play) run(steps int) {
	for range steps {
		if p.r.IntN(6) == 0 {
			p.reload()
		}
		p.now += int64(4000 + p.r.IntN(3000))
		p.measure()
		driven := p.r.IntN(4) == 0
		for _, g := range p.groups {
			if !g.Due(p.now, driven, time.Second) {
				continue
			}
			p.engine.Eval(context.Background(), g, Stamp{Steady: p.now, Wall: time.UnixMilli(p.now)})
			for _, r := range g.Rules {
				p.eval(r)
			}
			p.compare(g)
			if p.t.Failed() {
				return
			}
		}
	}
}

func (p *play) measure() {
	put := func(name string, there bool, v float64) {
		l := labels.FromStrings(labels.MetricName, name)
		if !there {
			v = staleNaN
		}
		if _, err := p.engine.Store.Append(0, l, p.now, v); err != nil {
			p.t.Fatal(err)
		}
	}
	for i := range p.measured {
		if p.r.IntN(2) == 0 {
			p.measured[i] = float64(p.r.IntN(5) - 2)
		}
		put(fmt.Sprint("m", i), p.measured[i] >= 0, p.measured[i])
	}
	p.bad = p.r.IntN(4) == 0
	put("bad", true, 1)
	other := labels.FromStrings(labels.MetricName, "bad", "second", "1")
	v := 1.0
	if !p.bad {
		v = staleNaN
	}
	if _, err := p.engine.Store.Append(0, other, p.now, v); err != nil {
		p.t.Fatal(err)
	}
}

// of is the series of a name by their label k.
func (p *play) of(name string) map[string]float64 {
	out := map[string]float64{}
	for k, v := range p.series {
		if k.name == name {
			out[k.k] = v
		}
	}
	return out
}

// eval is one rule in the model.
func (p *play) eval(r *Rule) {
	vector, ok := p.terms[r.Expr].eval(p)
	results := map[key]float64{}
	for k, v := range vector {
		if r.Labels.Has("k") {
			k = r.Labels.Get("k")
		}
		out := key{r.Name(), k}
		if _, twice := results[out]; twice {
			ok = false
		}
		if r.Alert != "" {
			v = 1
		}
		if old, there := p.series[out]; there && p.at[out] == p.now && old != v {
			ok = false // another rule wrote a different value
		}
		results[out] = v
	}
	if !ok {
		results = nil
	}
	if ok != (r.Err == nil) {
		p.t.Errorf("%s %s at %d: error %v, the model says %v", r.Name(), r.Expr, p.now, r.Err, ok)
	}
	before := p.written[r]
	p.written[r] = map[key]bool{}
	for k, v := range results {
		p.series[k], p.at[k] = v, p.now
		p.written[r][k] = true
	}
	for k := range before {
		if !p.written[r][k] && p.at[k] != p.now {
			p.leave(r, k)
		}
	}
	if r.Record != "" {
		got := map[key]float64{}
		for _, x := range r.Results {
			got[key{r.Record, x.Labels.Get("k")}] = x.Value
		}
		if d := cmp.Diff(results, got, cmpopts.EquateEmpty()); d != "" {
			p.t.Errorf("%s = %s at %d (-model +got):\n%s", r.Record, r.Expr, p.now, d)
		}
	}
}

// leave ends a series unless it is an alert that a rule holds which does not run every time.
func (p *play) leave(r *Rule, k key) {
	if r.Alert != "" {
		for _, g := range p.groups {
			for _, o := range g.Rules {
				if g.interval > 0 && o != r && p.written[o][k] {
					return
				}
			}
		}
	}
	delete(p.series, k)
}

func (p *play) compare(after *Group) {
	got := map[key]float64{}
	for name, by := range map[string]string{"n0": "", "n1": "", "n2": "", "ALERTS": labels.AlertName} {
		v, err := p.engine.Query.Instant(context.Background(), name, time.UnixMilli(p.now), 0)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, s := range v {
			k := key{name, s.Metric.Get("k")}
			if by != "" {
				k.name = s.Metric.Get(by)
			}
			got[k] = s.F
		}
	}
	if d := cmp.Diff(p.series, got, cmpopts.EquateEmpty()); d != "" {
		p.t.Errorf("after group %s at %d (-model +store):\n%s", after.Name, p.now, d)
		for _, g := range p.groups {
			for _, r := range g.Rules {
				p.t.Logf("%s (%s): %s %s = %s: %v", g.Name, g.interval, r.Name(), r.Labels, r.Expr, maps.Collect(maps.All(p.written[r])))
			}
		}
	}
}
