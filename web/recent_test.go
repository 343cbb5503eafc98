package web

import (
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chorus/evaluator"
	"chorus/probes"
)

// Quick tries of a probe that was not proven yet stand in its results as starting; other runs have no state.
func TestRecentTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(evaluator.Healthy)
		end := time.Now().Add(-time.Minute)
		w.runs["database-connectivity"] = append(w.runs["database-connectivity"], probes.Outcome{
			Check: "database-connectivity", Started: end, Finished: end, Err: errors.New("refused"), Reason: "refused",
			ConsecutiveFailures: 1, Starting: true,
		})
		var got struct {
			Recent []struct {
				State, Error string
				Healthy      bool
				Failures     int `json:"consecutive_failures"`
			}
		}
		text := body(t, ask(w.handler(t), "GET", "/health/checks/database-connectivity"))
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		states := []string{}
		for _, r := range got.Recent {
			states = append(states, r.State)
		}
		if diff := cmp.Diff([]string{"", "starting"}, states); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		if last := got.Recent[len(got.Recent)-1]; last.Healthy || last.Error != "refused" || last.Failures != 1 {
			t.Errorf("the try is shown as %+v", last)
		}
	})
}
