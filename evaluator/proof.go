package evaluator

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/model/labels"

	"chorus/evaluator/engine"
	"chorus/evaluator/verdict"
)

// provenName is the series that says whether a check has passed once. The runner of probes measures it for theirs.
const provenName = "chorus_health_check_proven"

// proof is what is known of one rule check since it was declared.
type proof struct{ proven bool }

// prove writes chorus_health_check_proven for every rule check. It runs after the groups that measure and declare, and
// before those that conclude from them. A check is proven by one evaluation in which all its data was there, every rule
// that speaks for it evaluated, and no critical or warning alert of it was pending or firing. It stays proven as long as
// it is declared.
func (e *Evaluator) prove(s engine.Stamp) error {
	data, blind, active := e.ruleCheckData(s), e.blindChecks(), e.activeChecks()
	var err error
	declared := e.declaredRuleChecks(s)
	for name := range declared {
		p := e.proofs[name]
		if p == nil {
			p = &proof{}
			e.proofs[name] = p
		}
		p.proven = p.proven || data[name] && blind[name] == nil && !active[name]
		err = errors.Join(err, p.write(e.engine, name, s.Steady))
	}
	for name := range e.proofs {
		if !declared[name] {
			e.engine.End(provenLabels(name), s.Steady)
			delete(e.proofs, name)
		}
	}
	return err
}

func (p *proof) value() float64 {
	if p.proven {
		return 1
	}
	return 0
}

func (p *proof) write(e *engine.Engine, name string, t int64) error {
	if err := e.Put(engine.Shipped, provenLabels(name), t, p.value()); err != nil {
		return fmt.Errorf("write %s of %s: %w", provenName, name, err)
	}
	return nil
}

func provenLabels(name string) labels.Labels {
	return labels.FromStrings(labels.MetricName, provenName, checkNameLabel, name)
}

// declaredRuleChecks lists the checks that rules decide: those that the files name, and those whose name comes from a
// series. A probe's check is not among them, though rules may speak for it: the proof of a probe is measured.
func (e *Evaluator) declaredRuleChecks(s engine.Stamp) map[string]bool {
	out := map[string]bool{}
	for _, c := range e.Rules().Checks() {
		out[c.Name] = true
	}
	var probes []string
	e.engine.Current(infoName, s, func(l labels.Labels, _ float64) {
		switch name := l.Get(checkNameLabel); {
		case l.Get("kind") == "probe":
			probes = append(probes, name)
		case name != "":
			out[name] = true
		}
	})
	for _, name := range probes {
		delete(out, name)
	}
	return out
}

// ruleCheckData lists the checks that have data, all of it numbers.
func (e *Evaluator) ruleCheckData(s engine.Stamp) map[string]bool {
	out, nan := map[string]bool{}, map[string]bool{}
	e.engine.Current(dataName, s, func(l labels.Labels, v float64) {
		name := l.Get(checkNameLabel)
		out[name] = true
		nan[name] = nan[name] || math.IsNaN(v)
	})
	for name, bad := range nan {
		if bad {
			delete(out, name)
		}
	}
	return out
}

// activeChecks lists the checks for which a rule of theirs has a critical or warning alert, pending or firing. The rules
// that serve every check are left out: they speak of proof and data themselves.
func (e *Evaluator) activeChecks() map[string]bool {
	out := map[string]bool{}
	for i, g := range e.engine.Groups {
		for _, r := range g.Rules {
			if i >= e.concluding && r.Check() == "" {
				continue
			}
			for _, a := range r.Active {
				if a.Labels.Get(verdict.ActionLabel) == "" && verdict.SeverityRank(a.Labels.Get("severity")) > 1 {
					out[a.Labels.Get(checkNameLabel)] = true
				}
			}
		}
	}
	return out
}

// provenFamily exposes the proofs of rule checks. Those of probes are exposed by who measures them.
func (e *Evaluator) provenFamily() *dto.MetricFamily {
	f := e.family(provenName, "")
	for _, name := range slices.Sorted(maps.Keys(e.proofs)) {
		f.Metric = append(f.Metric, gauge(e.proofs[name].value(), pair(checkNameLabel, name)))
	}
	return f
}
