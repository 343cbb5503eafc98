package web

import (
	"math"
	"net/http"
	"strings"
	"time"

	"chorus/evaluator"
)

// summaryJSON is the answer to /health/summary. Counts are runs since start. Values that nobody measures are left out,
// never 0; while the evaluator is stalled that goes for scores and key metrics too.
type summaryJSON struct {
	Status          evaluator.Status   `json:"status"`
	OverallScore    *float64           `json:"overall_score,omitempty"`
	LastCheck       instant            `json:"last_check"`
	TotalChecks     uint64             `json:"total_checks"`
	FailedChecks    uint64             `json:"failed_checks"`
	ComponentScores map[string]float64 `json:"component_scores"`
	KeyMetrics      map[string]any     `json:"key_metrics"`
}

func (h *Handler) serveSummary(w http.ResponseWriter, r *http.Request) {
	v := h.view.Load()
	stalled := v.snapshot.Stalled(time.Now())
	writeJSON(w, r, http.StatusOK, v.pages.get(page{path: r.URL.Path, stalled: stalled}, func() []byte {
		return encode(summary(v.snapshot, h.report(v, stalled).status, stalled))
	}))
}

func summary(s *evaluator.Snapshot, status evaluator.Status, stalled bool) summaryJSON {
	sum := summaryJSON{
		Status: status, LastCheck: instant(s.Time), TotalChecks: s.TotalRuns, FailedChecks: s.FailedRuns,
		ComponentScores: map[string]float64{}, KeyMetrics: map[string]any{},
	}
	if stalled {
		return sum
	}
	sum.OverallScore = finite(s.Score)
	for _, c := range s.Components {
		if v := finite(c.Score); v != nil {
			sum.ComponentScores[c.Name] = *v
		}
	}
	sum.KeyMetrics = keyMetrics(s.KeyMetrics)
	return sum
}

// Keys of chorus_health_key_metric that are shown in a form of their own; all others are plain numbers.
const (
	keyAdminUptime   = "admin_uptime" // seconds, shown as 2h30m15s
	keyUtilization   = "resource_utilization"
	utilizationFirst = keyUtilization + "_" // followed by the resource; all of them are shown in one object
)

func keyMetrics(recorded map[string]float64) map[string]any {
	out := map[string]any{}
	utilization := map[string]float64{}
	for key, v := range recorded {
		if finite(v) == nil {
			continue
		}
		if resource, ok := strings.CutPrefix(key, utilizationFirst); ok {
			utilization[resource] = v
		} else if key == keyAdminUptime {
			if d, ok := seconds(v); ok {
				out[key] = d.String()
			}
		} else {
			out[key] = v
		}
	}
	if len(utilization) > 0 {
		out[keyUtilization] = utilization
	}
	return out
}

// seconds is v in whole seconds, false when no Duration (292 years) can hold it.
func seconds(v float64) (time.Duration, bool) {
	if math.Abs(v) > math.MaxInt64/float64(time.Second) {
		return 0, false
	}
	return time.Duration(v) * time.Second, true
}
