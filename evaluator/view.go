package evaluator

import (
	"math"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"chorus/evaluator/engine"
)

const checkNameLabel = "check_name"

// Names that the exporter reads from what rules recorded (and, for checks, from what probes measured).
const (
	infoName      = "chorus_health_check_info"
	dataName      = "chorus_health_check_data"
	detailName    = "chorus_health_check_detail"
	keyMetricName = "chorus_health_key_metric"
	statusName    = "chorus_health_status"
	countedName   = "chorus_health_alert"
	componentName = "chorus_component_health_score"
	systemName    = "chorus_system_health_score"
	thresholdName = "chorus_health_threshold"
	lastRunName   = "chorus_health_check_last_run_timestamp_seconds"
	failuresName  = "chorus_health_check_consecutive_failures"
	passedName    = "chorus_health_checks_passed_total"
	failedName    = "chorus_health_checks_failed_total"
)

// view is what one evaluation left in the store and in the rules, read once and by name.
type view struct {
	info       map[string]checkInfo
	data       map[string]bool
	ran        map[string]bool // probes with a run
	proven     map[string]bool
	failures   map[string]float64
	details    map[string]map[string]float64
	keys       map[string]float64
	components map[string]float64
	thresholds map[string]float64
	status     map[string]float64
	score      float64
	counted    map[string]bool // label sets (of ALERTS, without name) of the alerts that count
	masks      bool            // whether counted is known
	failing    map[string]bool // checks for which a critical or warning alert fires
	passed     float64         // runs of probes since start
	failed     float64
}

type checkInfo struct {
	component, kind string
	critical        bool
}

func (e *Evaluator) readView(s engine.Stamp) *view {
	v := &view{
		info: map[string]checkInfo{}, data: map[string]bool{}, ran: map[string]bool{}, proven: map[string]bool{}, score: noScore,
		failures: map[string]float64{}, details: map[string]map[string]float64{}, keys: map[string]float64{},
		components: map[string]float64{}, thresholds: map[string]float64{}, status: map[string]float64{},
		counted: map[string]bool{},
	}
	e.engine.Current(infoName, s, func(l labels.Labels, _ float64) {
		v.info[l.Get(checkNameLabel)] = checkInfo{l.Get("component"), l.Get("kind"), l.Get("critical") == "true"}
	})
	numbers := func(name string, f func(labels.Labels, float64)) { // NaN is neither data nor a count
		e.engine.Current(name, s, func(l labels.Labels, value float64) {
			if !math.IsNaN(value) {
				f(l, value)
			}
		})
	}
	numbers(dataName, func(l labels.Labels, _ float64) { v.data[l.Get(checkNameLabel)] = true })
	e.engine.Current(provenName, s, func(l labels.Labels, f float64) { v.proven[l.Get(checkNameLabel)] = f == 1 })
	numbers(lastRunName, func(l labels.Labels, _ float64) { v.ran[l.Get(checkNameLabel)] = true })
	numbers(failuresName, func(l labels.Labels, f float64) { v.failures[l.Get(checkNameLabel)] = f })
	e.engine.Current(detailName, s, func(l labels.Labels, f float64) {
		check := l.Get(checkNameLabel)
		if v.details[check] == nil {
			v.details[check] = map[string]float64{}
		}
		v.details[check][l.Get("detail")] = f
	})
	e.engine.Current(keyMetricName, s, func(l labels.Labels, f float64) { v.keys[l.Get("key")] = f })
	e.engine.Current(componentName, s, func(l labels.Labels, f float64) { v.components[l.Get("component")] = f })
	e.engine.Current(thresholdName, s, func(l labels.Labels, f float64) { v.thresholds[l.Get("name")] = f })
	e.engine.Current(statusName, s, func(l labels.Labels, f float64) { v.status[l.Get("status")] = f })
	e.engine.Current(systemName, s, func(_ labels.Labels, f float64) { v.score = f })
	e.engine.Current(countedName, s, func(l labels.Labels, _ float64) { v.counted[labelKey(l)] = true })
	numbers(passedName, func(_ labels.Labels, f float64) { v.passed += f })
	numbers(failedName, func(_ labels.Labels, f float64) { v.failed += f })
	v.masks = e.recordsFine(countedName)
	e.readFailing(v)
	return v
}

// recordsFine says whether there are rules that record the name and none of them failed.
func (e *Evaluator) recordsFine(name string) bool {
	found := false
	for _, g := range e.engine.Groups {
		for _, r := range g.Rules {
			if r.Record == name {
				if r.Err != nil {
					return false
				}
				found = true
			}
		}
	}
	return found
}

// labelKey is an alert's identity whether it is read from ALERTS, from what counts, or from the rule's own state.
func labelKey(l labels.Labels) string {
	var b strings.Builder
	l.Range(func(l labels.Label) {
		if l.Name == labels.MetricName || l.Name == engine.AlertStateLabel {
			return
		}
		b.WriteString(l.Name)
		b.WriteByte(0xff)
		b.WriteString(l.Value)
		b.WriteByte(0xfe)
	})
	return b.String()
}
