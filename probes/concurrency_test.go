package probes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Everything at once, in real time: it is the race detector that judges.
func TestAllAtOnce(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	r := newTestRunner(t, RunnerOptions{Registerer: registry, MaxEntries: 10, CleanupInterval: 2 * time.Millisecond})
	details := map[string]any{"list": []int{1}}
	probe := Func(func(context.Context) (Result, error) { return Result{Details: details}, errors.New("down") })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for _, work := range []func(i int) error{
		func(i int) error {
			s := Spec{Name: fmt.Sprint("code-", i%3), Interval: time.Millisecond, Probe: probe}
			err := r.Register(s)
			time.Sleep(time.Millisecond)
			r.Unregister(s.Name)
			return err
		},
		func(i int) error {
			return r.Apply([]Spec{
				{Name: "stays", Interval: time.Millisecond, Probe: probe},
				{Name: fmt.Sprint("comes-", i%3), Interval: 2 * time.Millisecond, Disabled: i%2 == 0, Probe: probe},
			})
		},
		func(int) error { _, err := registry.Gather(); return err },
		func(int) error {
			for _, s := range r.Checks() {
				for o := range r.Results(s.Name) {
					_ = fmt.Sprint(o)
				}
				r.Last(s.Name, time.Now())
			}
			return nil
		},
	} {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if err := work(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	if err := r.Run(ctx); err != nil {
		t.Error(err)
	}
	all.Wait()
}
