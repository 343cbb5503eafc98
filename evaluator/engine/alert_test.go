package engine

import (
	"errors"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"chorus/rules"
)

// TestAlertStep walks alerts through time: each step is a second, "x" says that the condition holds, and the wanted
// string has a letter a step: p pending, F firing, . gone.
func TestAlertStep(t *testing.T) {
	for _, tc := range []struct {
		name        string
		pending     time.Duration
		keep        time.Duration
		holds, want string
		wantFired   int
	}{
		{"fires at once without for", 0, 0, " xx x", ".FF.F", 2},
		{"pending until for has passed", 2 * time.Second, 0, "xxxx ", "ppFF.", 1},
		{"a gap starts over", 2 * time.Second, 0, "xx xxx", "pp.ppF", 1},
		{"kept firing", 0, 3 * time.Second, "x     ", "FFFF..", 1},
		{"kept firing ends when it holds again and counts again", 0, 2 * time.Second, "x x  x", "FFFFFF", 1},
		{"pending is not kept", 2 * time.Second, 5 * time.Second, "xx   ", "pp...", 0},
		{"never holds", 0, time.Second, "    ", "....", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			as := Alerts{}
			r := &rules.Rule{Alert: "A", For: tc.pending, KeepFiringFor: tc.keep}
			var got []byte
			fired := 0
			for i, c := range tc.holds {
				var holding []*Alert
				if c == 'x' {
					holding = append(holding, &Alert{Labels: labels.FromStrings("alertname", "A"), Value: float64(i)})
				}
				if err := as.step(r, holding, int64(i)*1000); err != nil {
					t.Fatal(err)
				}
				letter := byte('.')
				for _, a := range as {
					if a.Firing && !a.Acted {
						a.Acted = true
						fired++
					}
					letter = map[string]byte{"pending": 'p', "firing": 'F'}[a.State()]
				}
				got = append(got, letter)
			}
			if string(got) != tc.want || fired != tc.wantFired {
				t.Errorf("holds %q: got %q with %d firings, want %q with %d", tc.holds, got, fired, tc.want, tc.wantFired)
			}
		})
	}
}

func TestAlertStepForGrows(t *testing.T) {
	as := Alerts{}
	one := func() []*Alert { return []*Alert{{Labels: labels.FromStrings("a", "b")}} }
	step := func(wait time.Duration, at int64) string {
		t.Helper()
		if err := as.step(&rules.Rule{For: wait}, one(), at); err != nil {
			t.Fatal(err)
		}
		for _, a := range as {
			return a.State()
		}
		return "gone"
	}
	if s := step(0, 0); s != "firing" {
		t.Fatalf("without for: %s", s)
	}
	if s := step(time.Minute, 1000); s != "pending" {
		t.Errorf("after a reload with a longer for: %s, want pending", s)
	}
}

func TestAlertStepDuplicate(t *testing.T) {
	same := func() *Alert { return &Alert{Labels: labels.FromStrings("a", "b")} }
	if err := (Alerts{}).step(&rules.Rule{}, []*Alert{same(), same()}, 0); !errors.Is(err, errDuplicateAlert) {
		t.Errorf("two results with one label set: %v, want errDuplicateAlert", err)
	}
}
