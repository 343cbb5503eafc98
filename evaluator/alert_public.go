package evaluator

import (
	"maps"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
)

// publicAlert is the alert as a Snapshot shows it. With v nil, masking is left out.
func (e *Evaluator) publicAlert(a *alert, v *view) Alert {
	out := Alert{
		Name: a.labels.Get(labels.AlertName), Check: a.labels.Get(checkNameLabel), Severity: a.labels.Get("severity"),
		State: a.state(), ActiveAt: e.engine.clock.wall(a.activeAt), Value: a.value,
		Limit: a.told.limit, Op: a.told.op, Clears: a.told.clears, ForLeft: a.told.forLeft,
		Unit: a.annotations["unit"], Summary: a.annotations["summary"], Impact: a.annotations["impact"],
		RunbookURL: resolveRunbook(e.opts.RunbookBaseURL, a.annotations["runbook_url"]),
		Labels:     a.labels.Map(), Annotations: maps.Clone(a.annotations),
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
