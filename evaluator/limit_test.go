package evaluator

import (
	"fmt"
	"math"
	"testing"
	"time"

	"chorus/rules"
)

// TestAlertLimits holds what is told of alerts by the form of their expression.
func TestAlertLimits(t *testing.T) {
	for _, c := range []struct{ name, rule, want string }{
		{"number", `expr: own > 1, annotations: {unit: ratio}`, `a 5 > 1 "ends when the value is 1 or less"; b 3 > 1 "ends when the value is 1 or less"`},
		{"unit", `expr: own >= 3, annotations: {unit: peers}`, `a 5 >= 3 "ends when the value is less than 3 peers"; b 3 >= 3 "ends when the value is less than 3 peers"`},
		{"under", `expr: own < 4, annotations: {unit: peers}`, `b 3 < 4 "ends when the value is 4 peers or more"`},
		{"one of a unit", `expr: own > 1, annotations: {unit: peers}`, `a 5 > 1 "ends when the value is 1 peer or less"; b 3 > 1 "ends when the value is 1 peer or less"`},
		{"equal", `expr: own == 3`, `b 3 == 3 "ends when the value is not 3"`},
		{"not equal", `expr: own != 3`, `a 5 != 3 "ends when the value is 3"`},
		{"mirrored", `expr: 4 < own`, `a 5 > 4 "ends when the value is 4 or less"`},
		{
			"a metric for each label set", `expr: own > bound`,
			`a 5 > 2 "ends when the value is 2 or less"; b 3 > 1 "ends when the value is 1 or less"`,
		},
		{"a metric for all", `expr: own > on () group_left () one`, `a 5 > 4 "ends when the value is 4 or less"`},
		{"scalar", `expr: own > scalar(one)`, `a 5 > 4 "ends when the value is 4 or less"`},
		{
			"an info series brings labels", `expr: '(own > bound) * on (x) group_left (note) own_info', labels: {note2: y}`,
			`a 5 > 2 "ends when the value is 2 or less"; b 3 > 1 "ends when the value is 1 or less"`,
		},
		{"percent", `expr: (own > 4) * 100`, `a 500 > 400 "ends when the value is 400 or less"`},
		{"mirrored by arithmetic", `expr: 10 - (own > 4)`, `a 5 < 6 "ends when the value is 6 or more"`},
		{"either", `expr: own > 4 or own < 4`, `a 5 4 ""; b 3 4 ""`},
		{"either, of several limits", `expr: own > 4 or own < on () group_left () one`, `a 5 4 ""; b 3 4 ""`},
		{"relabelled", `expr: 'label_replace(own > bound, "z", "$1", "x", "(.*)")'`, `a 5 > 2 "ends when the value is 2 or less"; b 3 > 1 "ends when the value is 1 or less"`},
		{"a label of the rule hides whose limit it is", `expr: own > bound, labels: {x: same}, for: 0s`, `failed`},
		{"kept firing", `expr: own > 4, keep_firing_for: 10m`, `a 5 > 4 "ends when the value has been 4 or less for 10m"`},
		{"infinite limit", `expr: own < on () group_left () endless`, `a 5 ""; b 3 ""`},
		{"infinite value", `expr: endless > 7`, ` +Inf > 7 "ends when the value is 7 or less"`},
		{"nothing compared", `expr: own`, `a 5 ""; b 3 ""`},
		{"absent", `expr: absent(gone), keep_firing_for: 5m`, ` 1 "ends when its condition has not held for 5m"`},
		{"the limit's query fails", `expr: own > on () group_right () several`, `failed`},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNode(t, rules.Options{Own: []string{ownRules(t, fmt.Sprintf(`
groups:
  - name: own
    rules:
      - {alert: A, %s}
`, c.rule))}}, Options{})
			for text, v := range map[string]float64{
				`own{x="a"}`: 5, `own{x="b"}`: 3, `bound{x="a"}`: 2, `bound{x="b"}`: 1, `one`: 4, `endless`: math.Inf(1),
				`own_info{x="a",note="n"}`: 1, `own_info{x="b",note="m"}`: 1, `several{y="1"}`: 1, `several{y="2"}`: 2,
			} {
				n.set(text, v)
			}
			s := n.pass(0)
			got := ""
			if len(s.Failing) > 0 {
				got = "failed"
			}
			for _, x := range []string{"a", "b", "same", ""} {
				for _, a := range s.Alerts {
					if a.Name != "A" || a.Labels["x"] != x {
						continue
					}
					if got != "" {
						got += "; "
					}
					got += fmt.Sprintf("%s %v", x, a.Value)
					if a.Op != "" {
						got += " " + a.Op
					}
					if a.Limit != nil {
						got += fmt.Sprintf(" %v", *a.Limit)
					}
					got += fmt.Sprintf(" %q", a.Clears)
				}
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAlertForLeft(t *testing.T) {
	n := newNode(t, rules.Options{Own: []string{ownRules(t, `
groups:
  - name: own
    rules:
      - {alert: A, expr: own > 1, for: 2m, keep_firing_for: 5m}
`)}}, Options{})
	left := func(pass time.Duration, value float64, state string, want time.Duration) {
		t.Helper()
		n.set("own", value)
		s := n.pass(pass)
		if len(s.Alerts) != 1 || s.Alerts[0].State != state || s.Alerts[0].ForLeft != want {
			t.Errorf("alerts %+v, want one %s with %v left", s.Alerts, state, want)
		}
	}
	left(0, 2, "pending", 2*time.Minute)
	left(90*time.Second, 2, "pending", 30*time.Second)
	left(30*time.Second, 2, "firing", 0)
	left(30*time.Second, 0, "firing", 5*time.Minute)
	left(4*time.Minute, 0, "firing", time.Minute)
	left(time.Second, 2, "firing", 0)
}

func TestResolveRunbook(t *testing.T) {
	for _, c := range []struct{ base, url, want string }{
		{"", "/runbooks/X", "/runbooks/X"},
		{"https://wiki.example.net/chorus", "/runbooks/X", "https://wiki.example.net/chorus/X"},
		{"https://wiki.example.net/chorus/", "/runbooks/X", "https://wiki.example.net/chorus/X"},
		{"https://wiki.example.net", "https://own.example.net/X", "https://own.example.net/X"},
		{"https://wiki.example.net", "/runbooksX", "/runbooksX"},
		{"https://wiki.example.net", "", ""},
	} {
		if got := resolveRunbook(c.base, c.url); got != c.want {
			t.Errorf("%q with base %q is %q, want %q", c.url, c.base, got, c.want)
		}
	}
}
