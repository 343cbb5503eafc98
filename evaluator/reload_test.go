package evaluator

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"chorus/rules"
)

// reloadCase is a node under an own rule file that changes.
type reloadCase struct {
	*node
	dir string
}

func newReload(t *testing.T, file, text string, o Options) *reloadCase {
	t.Helper()
	r := &reloadCase{dir: t.TempDir()}
	r.node = newNode(t, r.options(map[string]string{file: text}), o)
	return r
}

func (r *reloadCase) options(files map[string]string) rules.Options {
	o := rules.Options{}
	for name, text := range files {
		path := filepath.Join(r.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			panic(err)
		}
		o.Own = append(o.Own, path)
	}
	return o
}

func (r *reloadCase) reload(file, text string) {
	r.t.Helper()
	r.SetRules(loadRules(r.t, r.options(map[string]string{file: text})))
}

const reloadFile = `
groups:
  - name: own
    rules:
      - alert: Own
        expr: own_metric > 1
        for: 20s
        labels: {check_name: own, component: own, severity: critical}
        annotations: {summary: own is over 1}
`

// TestAlertAcrossReload changes a rule file under an alert that is pending, fires, or is kept firing. The alert has been
// active for 15s when pending, and for 30s when firing; it is looked at 1s after the reload.
func TestAlertAcrossReload(t *testing.T) {
	replace := strings.NewReplacer
	for _, tc := range []struct {
		name           string
		file           string // "" keeps it
		change         *strings.Replacer
		pending        string // what becomes of a pending alert
		firing         string
		statusOfFiring Status
		fresh          bool // the alert starts again
	}{
		{"nothing", "", replace(), "pending", "firing", Unhealthy, false},
		{"annotation", "", replace("own is", "OWN is"), "pending", "firing", Unhealthy, false},
		{"for a second shorter", "", replace("for: 20s", "for: 19s"), "pending", "firing", Unhealthy, false},
		{"for shorter than it has been active", "", replace("for: 20s", "for: 10s"), "firing", "firing", Unhealthy, false},
		{"no for", "", replace("for: 20s", "for: 0s"), "firing", "firing", Unhealthy, false},
		{"for longer", "", replace("for: 20s", "for: 1m"), "pending", "pending", Healthy, false},
		{"threshold", "", replace("> 1", "> 1.1"), "pending", "firing", Unhealthy, false},
		{"threshold that it does not reach", "", replace("> 1", "> 10"), "", "", Healthy, false},
		{"expression", "", replace("own_metric > 1", "max(own_metric) > 0"), "pending", "firing", Unhealthy, false},
		{"keep_firing_for added", "", replace("for: 20s", "for: 20s\n        keep_firing_for: 1m"), "pending", "firing", Unhealthy, false},
		{"severity", "", replace("severity: critical", "severity: warning"), "pending", "pending", Healthy, true},
		{"another label", "", replace("component: own", "component: own, team: x"), "pending", "pending", Healthy, true},
		{"name", "", replace("alert: Own", "alert: Other"), "pending", "pending", Healthy, true},
		{"group", "", replace("- name: own", "- name: other"), "pending", "pending", Healthy, true},
		{"file", "other.rules.yml", replace(), "pending", "pending", Healthy, true},
		{"group interval", "", replace("- name: own", "- name: own\n    interval: 30s"), "pending", "firing", Unhealthy, false},
		{"a rule before", "", replace("rules:", "rules:\n      - {record: 'own:new', expr: own_metric}"), "pending", "firing", Unhealthy, false},
		{"a duplicate before", "", replace("rules:", "rules:\n      - {alert: Own, expr: own_metric > 100, "+
			"labels: {check_name: own, component: own, severity: critical}, annotations: {summary: s}}"), "pending", "pending", Healthy, true},
		{"labels of the rule moved to the group", "", replace("    rules:", "    labels: {component: own}\n    rules:",
			"component: own, severity", "severity"), "pending", "firing", Unhealthy, false},
	} {
		look := func(t *testing.T, r *reloadCase, want string) *Snapshot {
			t.Helper()
			began := r.Snapshot().Alerts[0].ActiveAt
			r.reload(cmp.Or(tc.file, "own.rules.yml"), tc.change.Replace(reloadFile))
			s := r.pass(time.Second)
			got := ""
			for _, a := range s.Alerts {
				if a.Name != "Own" && a.Name != "Other" {
					continue
				}
				got = a.State
				if a.ActiveAt.Equal(began) == tc.fresh {
					t.Errorf("active since %s, before the reload since %s", a.ActiveAt, began)
				}
			}
			if got != want {
				t.Errorf("%q after the reload, want %q", got, want)
			}
			return s
		}
		start := func(t *testing.T) *reloadCase {
			r := newReload(t, "own.rules.yml", reloadFile, Options{})
			r.set("own_metric", 0)
			r.pass(0)
			r.pass(time.Second)
			r.set("own_metric", 5)
			r.pass(time.Second)
			return r
		}
		t.Run(tc.name+", pending", func(t *testing.T) {
			t.Parallel()
			r := start(t)
			r.pass(14 * time.Second)
			look(t, r, tc.pending)
		})
		t.Run(tc.name+", firing", func(t *testing.T) {
			t.Parallel()
			r := start(t)
			r.want(r.pass(30*time.Second), Unhealthy, "own is over 1")
			if s := look(t, r, tc.firing); s.Status != tc.statusOfFiring {
				t.Errorf("%s %q, want %s", s.Status, s.Message, tc.statusOfFiring)
			}
		})
	}
}

func TestKeepFiringAcrossReload(t *testing.T) {
	kept := strings.ReplaceAll(reloadFile, "for: 20s", "keep_firing_for: 1m")
	for _, tc := range []struct {
		name   string
		change *strings.Replacer
		want   [3]string // 30s, 50s and 70s after the condition ended; the reload is at 20s
	}{
		{"nothing", strings.NewReplacer(), [3]string{"firing", "firing", ""}},
		{"expression", strings.NewReplacer("> 1", "> 3"), [3]string{"firing", "firing", ""}},
		{"shorter", strings.NewReplacer(": 1m", ": 40s"), [3]string{"firing", "", ""}},
		{"longer", strings.NewReplacer(": 1m", ": 2m"), [3]string{"firing", "firing", "firing"}},
		{"none", strings.NewReplacer("keep_firing_for: 1m", "for: 0s"), [3]string{"", "", ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newReload(t, "own.rules.yml", kept, Options{})
			r.set("own_metric", 5)
			r.pass(0)
			r.set("own_metric", 0)
			r.pass(time.Second)
			r.pass(20 * time.Second)
			r.reload("own.rules.yml", tc.change.Replace(kept))
			for i, d := range []time.Duration{10, 20, 20} {
				if got := stateOf(r.pass(d*time.Second), "Own"); got != tc.want[i] {
					t.Errorf("step %d: %q, want %q", i, got, tc.want[i])
				}
			}
		})
	}
}

const twoRules = `
groups:
  - name: own
    rules:
      - {alert: Own, expr: own_a > 1, for: 20s, labels: {check_name: own, severity: critical}, annotations: {summary: a}}
      - {alert: Own, expr: own_b > 1, for: 20s, labels: {check_name: own, severity: critical}, annotations: {summary: b}}
      - {record: chorus_own_x, expr: own_c, labels: {k: a}}
      - {record: chorus_own_x, expr: own_d, labels: {k: b}}
`

func lines(text string, order ...int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	out := all[:3:3]
	for _, i := range order {
		out = append(out, all[3+i])
	}
	return strings.Join(out, "\n") + "\n"
}

// Rules of one name and labels go on in their order; what is not there any more ends, and nothing is left of it.
func TestRulesReordered(t *testing.T) {
	for _, tc := range []struct {
		name   string
		order  []int
		alerts []string // summary and state of those of Own
		x      map[string]float64
	}{
		{"as it was", []int{0, 1, 2, 3}, []string{"a firing", "b pending"}, map[string]float64{"a": 1, "b": 2}},
		{"records swapped", []int{3, 2, 0, 1}, []string{"a firing", "b pending"}, map[string]float64{"a": 1, "b": 2}},
		// the first goes on as the first, whatever its expression: it is active as long as the first was
		{"alerts swapped", []int{1, 0, 2, 3}, []string{"b firing", "a pending"}, map[string]float64{"a": 1, "b": 2}},
		{"the first gone", []int{1, 2, 3}, []string{"b firing"}, map[string]float64{"a": 1, "b": 2}},
		{"the second gone", []int{0, 2, 3}, []string{"a firing"}, map[string]float64{"a": 1, "b": 2}},
		{"a third", []int{0, 1, 1, 2, 3}, []string{"a firing", "b pending", "b pending"}, map[string]float64{"a": 1, "b": 2}},
		{"a record gone", []int{0, 1, 3}, []string{"a firing", "b pending"}, map[string]float64{"b": 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newReload(t, "own.rules.yml", twoRules, Options{})
			for name, v := range map[string]float64{"own_a": 2, "own_b": 0, "own_c": 1, "own_d": 2} {
				r.set(name, v)
			}
			r.pass(0)
			r.pass(20 * time.Second)
			r.set("own_b", 2)
			r.pass(5 * time.Second)
			r.reload("own.rules.yml", lines(twoRules, tc.order...))
			r.pass(time.Second)
			var got []string
			for _, g := range r.engine.Groups {
				for _, x := range g.Rules {
					for _, a := range x.Active {
						if x.Alert == "Own" {
							got = append(got, a.Annotations["summary"]+" "+a.State())
						}
					}
				}
			}
			if strings.Join(got, ", ") != strings.Join(tc.alerts, ", ") {
				t.Errorf("alerts %q, want %q", got, tc.alerts)
			}
			x := map[string]float64{}
			r.engine.Store.Latest("chorus_own_x", r.engine.Clock.Last, func(l labels.Labels, v float64) { x[l.Get("k")] = v })
			if len(x) != len(tc.x) || x["a"] != tc.x["a"] || x["b"] != tc.x["b"] {
				t.Errorf("recorded %v, want %v", x, tc.x)
			}
		})
	}
}

// An own file that replaces a shipped one of its name goes on with the alerts of the shipped one, and the other way round.
func TestReplacedFileAcrossReload(t *testing.T) {
	shipped, err := os.ReadFile("../rules/resources.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	o := rules.Options{Components: []string{"resources"}}
	n := newNode(t, o, Options{})
	n.resources(0.5, 0.5, 0.95)
	n.pass(0)
	s := n.pass(time.Second)
	n.want(s, Degraded, "95")
	began := s.Alerts[0].ActiveAt
	replacing := o
	replacing.Own = []string{filepath.Join(t.TempDir(), "resources.rules.yml")}
	if err := os.WriteFile(replacing.Own[0], shipped, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []rules.Options{replacing, o} {
		n.SetRules(loadRules(t, o))
		s := n.pass(time.Second)
		n.want(s, Degraded, "95")
		if !s.Alerts[0].ActiveAt.Equal(began) {
			t.Errorf("active since %s, want %s", s.Alerts[0].ActiveAt, began)
		}
	}
}

// A reload to nothing forgets; so does a rule that was gone for a while.
func TestReloadToNothingAndBack(t *testing.T) {
	r := newReload(t, "own.rules.yml", reloadFile, Options{})
	r.set("own_metric", 0)
	r.pass(0)
	r.set("own_metric", 5)
	r.pass(time.Second)
	r.want(r.pass(30*time.Second), Unhealthy, "own is over 1")
	r.SetRules(loadRules(t, rules.Options{}))
	if s := r.pass(time.Second); len(s.Alerts) > 0 || len(stored(t, r.engine, "ALERTS", r.engine.Clock.Last)) > 0 {
		t.Errorf("alerts of a rule that is gone: %+v", s.Alerts)
	}
	r.reload("own.rules.yml", reloadFile)
	if got := stateOf(r.pass(time.Second), "Own"); got != "pending" {
		t.Errorf("a rule that is back: %q, want pending", got)
	}
}

// A rule that fails while it is reloaded goes on from before the failure, and shows the failure until it evaluates.
func TestReloadOfFailingRule(t *testing.T) {
	failing := strings.ReplaceAll(reloadFile, "own_metric > 1", "own_metric * on () own_b > 1")
	r := newReload(t, "own.rules.yml", failing, Options{})
	r.set("own_metric", 0)
	r.set("own_b", 1)
	r.pass(0)
	r.set("own_metric", 5)
	r.pass(time.Second)
	r.want(r.pass(20*time.Second), Unhealthy, "own is over 1")
	r.set(`own_b{x="2"}`, 1)
	r.want(r.pass(time.Second), Degraded, "own")
	r.reload("own.rules.yml", strings.ReplaceAll(failing, "> 1", "> 2"))
	r.want(r.pass(time.Second), Degraded, "own")
	r.reload("own.rules.yml", reloadFile)
	r.want(r.pass(time.Second), Unhealthy, "own is over 1")
}

// An action that was started is not started again because its rule was reloaded, whatever changed of it.
func TestActionAcrossReload(t *testing.T) {
	file := strings.ReplaceAll(reloadFile, "for: 20s", "for: 0s") + `
      - alert: Act
        expr: group by (check_name) (ALERTS{alertname="Own", alertstate="firing", action=""})
        for: 10s
        labels: {action: shutdown, severity: info}
        annotations: {summary: act}
`
	started := 0
	r := newReload(t, "own.rules.yml", file, Options{OnAction: func(_ context.Context, a Action) {
		if a.Alert.Name == "Act" {
			started++
		}
	}})
	r.set("own_metric", 0)
	r.pass(0)
	r.pass(time.Second)
	r.set("own_metric", 5)
	pass := func(d time.Duration) {
		r.pass(d)
		r.acting.Wait()
	}
	pass(time.Second)
	pass(10 * time.Second)
	for _, change := range []string{"for: 10s", "for: 5s", "for: 1m", "for: 10s"} {
		r.reload("own.rules.yml", strings.ReplaceAll(file, "for: 10s", change))
		pass(time.Second)
		pass(10 * time.Second)
	}
	if started != 1 {
		t.Errorf("started %d times, want once", started)
	}
}

// A group that did not change keeps its interval across a reload; one that got a rule runs at once.
func TestGroupIntervalAcrossReload(t *testing.T) {
	text := `
groups:
  - name: same
    interval: 1m
    rules:
      - {record: chorus_own_same, expr: own_metric}
  - name: grows
    interval: 1m
    rules:
      - {record: chorus_own_grows, expr: own_metric}
`
	r := newReload(t, "own.rules.yml", text, Options{})
	tick := func(d time.Duration) map[string]float64 {
		t.Helper()
		r.now = r.now.Add(d)
		if err := r.tick(t.Context(), r.now, r.now.Sub(r.engine.Clock.Start), false); err != nil {
			t.Fatal(err)
		}
		return r.exposition()
	}
	r.set("own_metric", 1)
	tick(0)
	r.set("own_metric", 2)
	tick(10 * time.Second)
	r.reload("own.rules.yml", text+"      - {record: chorus_own_new, expr: own_metric}\n")
	if x := tick(10 * time.Second); x["chorus_own_same{}"] != 1 || x["chorus_own_grows{}"] != 2 || x["chorus_own_new{}"] != 2 {
		t.Errorf("after 20s: %v %v %v, want 1 2 2", x["chorus_own_same{}"], x["chorus_own_grows{}"], x["chorus_own_new{}"])
	}
	if x := tick(40 * time.Second); x["chorus_own_same{}"] != 2 {
		t.Errorf("after its interval: %v, want 2", x["chorus_own_same{}"])
	}
}
