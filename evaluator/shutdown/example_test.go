package shutdown_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chorus/evaluator/shutdown"
)

func ExampleManager() {
	manager, err := shutdown.New(shutdown.Options{
		DrainDelay: 10 * time.Millisecond,
		Timeout:    10 * time.Second, // the drain included
		OnStopping: func(r shutdown.Request) { fmt.Println("unready:", r.Reason) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	say := func(text string, err error) func(context.Context) error {
		return func(context.Context) error {
			fmt.Println(text)
			return err
		}
	}
	for _, c := range []shutdown.Component{
		{Name: "listener", Priority: 10, Stop: say("close the listener", nil)},
		{Name: "workers", Timeout: 3 * time.Second, Stop: say("let workers finish", errors.New("2 tasks were left"))},
		{Name: "report", Phase: shutdown.PostShutdown, Stop: say("report", nil)},
	} {
		if err := manager.Register(c); err != nil {
			fmt.Println(err)
			return
		}
	}
	go func() { // from a signal handler, or from evaluator.Options.OnAction
		manager.Request(shutdown.Request{Cause: shutdown.CauseRule, Reason: "The database is gone"})
	}()
	if err := manager.Run(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range manager.State().Steps {
		fmt.Printf("%s: %s (%s)\n", s.Name, s.Result, s.Error)
	}
	// Output:
	// unready: The database is gone
	// close the listener
	// let workers finish
	// report
	// listener: done ()
	// workers: failed (2 tasks were left)
	// report: done ()
}
