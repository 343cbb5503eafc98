package evaluator

import (
	"maps"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"chorus/evaluator/engine"
)

// publicAlert is the alert as a Snapshot shows it. With v nil, masking is left out.
func (e *Evaluator) publicAlert(a *engine.Alert, v *view) Alert {
	out := Alert{
		Name: a.Labels.Get(labels.AlertName), Check: a.Labels.Get(checkNameLabel), Severity: a.Labels.Get("severity"),
		State: a.State(), ActiveAt: e.engine.Clock.At(a.ActiveAt), Value: a.Value,
		Limit: a.Told.Limit, Op: a.Told.Op, Clears: a.Told.Clears, ForLeft: a.Told.ForLeft,
		Unit: a.Annotations["unit"], Summary: a.Annotations["summary"], Impact: a.Annotations["impact"],
		RunbookURL: resolveRunbook(e.opts.RunbookBaseURL, a.Annotations["runbook_url"]),
		Labels:     a.Labels.Map(), Annotations: maps.Clone(a.Annotations),
	}
	if v != nil {
		out.MaskedBy = v.maskedBy(a)
		out.Masked = out.MaskedBy != ""
	}
	return out
}

// runbooks is what the addresses of the exporter's own runbooks begin with.
const runbooks = "/runbooks/"

// resolveRunbook is the address of a runbook: base in place of /runbooks. Other addresses, and all without a base, stay.
func resolveRunbook(base, url string) string {
	name, own := strings.CutPrefix(url, runbooks)
	if !own || base == "" {
		return url
	}
	return strings.TrimRight(base, "/") + "/" + name
}
