package shutdown

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// edges is the table of docs/shutdown.md, row by row: from a state, an event leads to the next state.
var edges = []struct {
	from  Stage
	event string
	to    Stage
}{
	{StageRunning, "request", StageDraining},
	{StageRunning, "observe", StageRunning},
	{StageRunning, "apply", StageRunning},
	{StageRunning, "ctx ends", StageRunning},
	{StageDraining, "request", StageDraining},
	{StageDraining, "apply", StageDraining},
	{StageDraining, "phase over", StagePreShutdown},
	{StageDraining, "ctx ends", StageStopped},
	{StagePreShutdown, "request", StagePreShutdown},
	{StagePreShutdown, "apply", StagePreShutdown},
	{StagePreShutdown, "phase over", StageShutdown},
	{StagePreShutdown, "ctx ends", StageStopped},
	{StageShutdown, "request", StageShutdown},
	{StageShutdown, "apply", StageShutdown},
	{StageShutdown, "phase over", StagePostShutdown},
	{StageShutdown, "ctx ends", StageStopped},
	{StagePostShutdown, "request", StagePostShutdown},
	{StagePostShutdown, "apply", StagePostShutdown},
	{StagePostShutdown, "phase over", StageStopped},
	{StagePostShutdown, "ctx ends", StageStopped},
	{StageStopped, "request", StageStopped},
	{StageStopped, "observe", StageStopped},
	{StageStopped, "apply", StageStopped},
	{StageStopped, "ctx ends", StageStopped},
}

func TestEveryEdge(t *testing.T) {
	for _, e := range edges {
		t.Run(string(e.from)+", "+e.event, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { walk(t, e.from, e.event, e.to) })
		})
	}
}

// walk brings a Manager to a state, lets the event happen and looks where it is.
func walk(t *testing.T, from Stage, event string, to Stage) {
	f := newFixture(t, Options{DrainDelay: time.Second, Timeout: time.Hour})
	for _, p := range Phases() { // drain and phases take a second each
		f.register(Component{Name: string(p), Phase: p, Stop: f.work(string(p), time.Second)})
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	if from != StageRunning {
		f.Request(Request{})
	}
	for f.State().Name != from {
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
	}
	switch event {
	case "request":
		if first := f.Request(Request{}); first != (from == StageRunning) {
			t.Errorf("Request returns %v", first)
		}
	case "observe":
		f.Observe(Request{})
	case "apply":
		err := f.Apply(0, time.Minute, nil)
		if refused := errors.Is(err, ErrStopping); refused != (from != StageRunning) {
			t.Errorf("Apply returns %v", err)
		}
	case "phase over":
		time.Sleep(time.Second)
	case "ctx ends":
		cancel()
	default:
		t.Fatalf("no event %q", event)
	}
	synctest.Wait()
	if got := f.State().Name; got != to {
		t.Errorf("%s, want %s", got, to)
	}
	select {
	case <-f.Done():
		if to != StageStopped {
			t.Error("Done is closed")
		}
	default:
		if to == StageStopped {
			t.Error("Done is open")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
