package evaluator

import (
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"chorus/evaluator/engine"
	"chorus/evaluator/verdict"
	"chorus/rules"
)

// refuse is what the engine asks about each result of a rule: one that would count for nothing fails its rule.
func refuse(r *rules.Rule, l labels.Labels) error {
	if r.Alert == "" {
		return checkTarget(r, l)
	}
	return errors.Join(checkSeverity(r, l), checkTarget(r, l))
}

// checkSeverity refuses an alert of a check with a severity that nobody knows: it would fire and count for nothing.
// The loader does so where the file fixes the severity; this is for templates and for labels of the series.
func checkSeverity(r *rules.Rule, l labels.Labels) error {
	severity := l.Get("severity")
	if l.Get(checkNameLabel) == "" || verdict.SeverityRank(severity) > 0 || severity == "" && !r.Labels.Has("severity") {
		return nil
	}
	return fmt.Errorf("the alert %s has the unknown severity %q: use critical, warning or info", l, severity)
}

// checkTarget refuses a result of an own rule that carries a label of the Prometheus server: the shipped rules join by
// them, so an alert would fire and count for nothing. The loader refuses what it can see; this is for the rest. Shipped
// rules may meet such labels on a server, and in their tests.
func checkTarget(r *rules.Rule, l labels.Labels) error {
	if err := checkDeclared(r, l); err != nil {
		return err
	}
	if !r.Own || !isExposed(r.Record) && (r.Alert == "" || l.Get(checkNameLabel) == "") {
		return nil
	}
	for _, name := range []string{model.JobLabel, model.InstanceLabel} {
		if l.Has(name) {
			return fmt.Errorf("the result %s carries the label %s, which belongs to the Prometheus server: "+
				"use another label name", l, name)
		}
	}
	return nil
}

// checkDeclared refuses an alert of an own rule whose expression sets a label that masks, acts or holds back: only what the
// file declares, which the loader has checked, may do that.
func checkDeclared(r *rules.Rule, l labels.Labels) error {
	if !r.Own || r.Alert == "" {
		return nil
	}
	for _, name := range []string{"depends_on", verdict.ActionLabel, holdsLabel} {
		if l.Get(name) != r.Labels.Get(name) {
			return fmt.Errorf("the expression sets the label %s of the result %s: set it under labels, or remove it with "+
				"without (%s)", name, l, name)
		}
	}
	return nil
}

// isExposed reports whether series that a rule records under the name appear on /metrics. Other names, and names with a
// colon, are steps in between.
func isExposed(name string) bool {
	return strings.HasPrefix(name, engine.Prefix) && !strings.Contains(name, ":")
}
