package shutdown

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// edges is the table of docs/shutdown.md, row by row: from a state, an event leads to the next state.
var edges = []struct {
	from  Stage
	event string
	to    Stage
}{
	{StageRunning, "Request", StageDraining},
	{StageRunning, "Observe", StageRunning},
	{StageRunning, "Apply", StageRunning},
	{StageRunning, "ctx ends", StageRunning},
	{StageDraining, "Request", StageDraining},
	{StageDraining, "Apply", StageDraining},
	{StageDraining, "over", StagePreShutdown},
	{StageDraining, "ctx ends", StageStopped},
	{StagePreShutdown, "Request", StagePreShutdown},
	{StagePreShutdown, "Apply", StagePreShutdown},
	{StagePreShutdown, "over", StageShutdown},
	{StagePreShutdown, "ctx ends", StageStopped},
	{StageShutdown, "Request", StageShutdown},
	{StageShutdown, "Apply", StageShutdown},
	{StageShutdown, "over", StagePostShutdown},
	{StageShutdown, "ctx ends", StageStopped},
	{StagePostShutdown, "Request", StagePostShutdown},
	{StagePostShutdown, "Apply", StagePostShutdown},
	{StagePostShutdown, "over", StageStopped},
	{StagePostShutdown, "ctx ends", StageStopped},
	{StageStopped, "Request", StageStopped},
	{StageStopped, "Observe", StageStopped},
	{StageStopped, "Apply", StageStopped},
	{StageStopped, "ctx ends", StageStopped},
}

// The table that people read is the one that is tested.
func TestTableIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/shutdown.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| state | event | next state | what happens |\n|---|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var want, got []string
	for _, e := range edges {
		want = append(want, fmt.Sprintf("| `%s` | %s | `%s` |", e.from, e.event, e.to))
	}
	for line := range strings.Lines(table + "\n") {
		got = append(got, line[:strings.LastIndex(strings.TrimSuffix(line, " |\n"), "|")+1])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/shutdown.md (-tested +documented):\n%s", diff)
	}
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
	case "Request":
		if first := f.Request(Request{}); first != (from == StageRunning) {
			t.Errorf("Request returns %v", first)
		}
	case "Observe":
		f.Observe(Request{})
	case "Apply":
		err := f.Apply(0, time.Minute, nil)
		if refused := errors.Is(err, ErrStopping); refused != (from != StageRunning) {
			t.Errorf("Apply returns %v", err)
		}
	case "over":
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
