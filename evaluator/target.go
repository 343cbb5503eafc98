package evaluator

import (
	"fmt"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// checkTarget refuses a result of an own rule that carries a label of the Prometheus server: the shipped rules join by
// them, so an alert would fire and count for nothing. The loader refuses what it can see; this is for the rest. Shipped
// rules may meet such labels on a server, and in their tests.
func (r *rule) checkTarget(l labels.Labels) error {
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

// isExposed reports whether series that a rule records under the name appear on /metrics.
func isExposed(name string) bool {
	return strings.HasPrefix(name, exposedPrefix) && !strings.Contains(name, ":")
}
