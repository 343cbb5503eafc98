package web

import (
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"chorus/evaluator"
	"chorus/evaluator/shutdown"
)

// stop is a manager in a state that a test wants shown.
type stop struct{ state shutdown.State }

func (s stop) State() shutdown.State { return s.state }

// A stop is told in /health, and step by step in /health/shutdown: before one, held back, and under way.
func TestGoldenShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		steps := []shutdown.Step{
			{Name: "orders", Phase: shutdown.Shutdown, Priority: 10, Result: shutdown.ResultWaiting},
			{Name: "exporter", Phase: shutdown.PostShutdown, Result: shutdown.ResultWaiting},
		}
		request := &shutdown.Request{
			Cause: shutdown.CauseRule, Reason: "critical check disk has been failing for a minute", Check: "disk",
			Rule: "ShutdownOnCriticalCheck", Time: now.UTC(),
		}
		held := evaluator.ActionEvent{
			Action: "shutdown", Rule: "ShutdownHeldBack", Check: "disk", Summary: "20 of 20 exporters are unhealthy",
			Held: "20 of 20 exporters are unhealthy", ActiveAt: now.Add(-2 * time.Minute), FiredAt: now.Add(-time.Minute),
		}
		done := evaluator.ActionEvent{
			Action: "shutdown", Rule: "ShutdownOnCriticalCheck", Check: "disk", Summary: request.Reason,
			ActiveAt: now.Add(-time.Hour), FiredAt: now.Add(-59 * time.Minute), EndedAt: now.Add(-50 * time.Minute),
		}
		under := []shutdown.Step{steps[0], steps[1]}
		under[0].Result, under[0].Error, under[0].Took = shutdown.ResultFailed, "no answer", 3*time.Second
		under[1].Result = shutdown.ResultRunning
		for name, tt := range map[string]struct {
			mode   string
			state  shutdown.State
			events []evaluator.ActionEvent
		}{
			"observed": {
				"observe",
				shutdown.State{Name: shutdown.StageRunning, Since: now, Observed: request, Steps: steps[1:]},
				[]evaluator.ActionEvent{done},
			},
			"held": {
				"hooks",
				shutdown.State{Name: shutdown.StageRunning, Since: now, Steps: steps},
				[]evaluator.ActionEvent{held, done},
			},
			"under-way": {
				"hooks", shutdown.State{
					Name: shutdown.StagePostShutdown, Since: now, Request: request, Deadline: now.Add(time.Minute), Steps: under,
				}, nil,
			},
		} {
			w := newWorld("healthy")
			w.actions = tt.events
			h := w.handler(t, func(o *Options) {
				o.Shutdown, o.ShutdownMode = stop{tt.state}, func() string { return tt.mode }
			})
			golden(t, "shutdown-"+name+".json", answersJSON(t, h, "/health", shutdownPath))
		}
	})
}

// Where there is no manager there is nothing to tell.
func TestNoShutdown(t *testing.T) {
	h := newWorld("healthy").handler(t)
	if res := ask(h, "GET", shutdownPath); res.StatusCode != http.StatusNotFound {
		t.Errorf("%s answers %d without a manager, want 404", shutdownPath, res.StatusCode)
	}
}

// Between two evaluations a stop moves on, and Refresh shows it.
func TestRefreshShowsTheStop(t *testing.T) {
	w, s := newWorld("healthy"), &stop{shutdown.State{Name: shutdown.StageRunning}}
	h := w.handler(t, func(o *Options) { o.Shutdown = s })
	state := func() shutdown.Stage {
		t.Helper()
		var got struct {
			Shutdown struct{ State shutdown.Stage }
		}
		if err := json.Unmarshal([]byte(body(t, ask(h, "GET", "/health"))), &got); err != nil {
			t.Fatal(err)
		}
		return got.Shutdown.State
	}
	s.state.Name = shutdown.StageDraining
	if got := state(); got != shutdown.StageRunning {
		t.Errorf("/health says %s, want what was rendered, running", got)
	}
	h.Refresh()
	if got := state(); got != shutdown.StageDraining {
		t.Errorf("/health says %s after Refresh, want draining", got)
	}
}
