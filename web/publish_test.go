package web

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chorus/evaluator"
)

// statusNow is what GET /health says.
func statusNow(t *testing.T, h *Handler) evaluator.Status {
	t.Helper()
	var got struct{ Status evaluator.Status }
	if err := json.Unmarshal([]byte(body(t, ask(h, "GET", "/health"))), &got); err != nil {
		t.Fatal(err)
	}
	return got.Status
}

// TestPublishOrder holds that a late call never puts an older verdict back.
func TestPublishOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newWorld(evaluator.Starting).handler(t)
		at := func(status evaluator.Status, second time.Duration) *evaluator.Snapshot {
			return snapshotOf(status, time.Now().Add(second*time.Second).UTC())
		}
		steps := []struct {
			name string
			s    *evaluator.Snapshot
			want evaluator.Status
		}{
			{"a newer one is served", at(evaluator.Healthy, 5), evaluator.Healthy},
			{"an older one is not", at(evaluator.Unhealthy, 4), evaluator.Healthy},
			{"one of the same time is", at(evaluator.Degraded, 5), evaluator.Degraded},
			{"stopping is served at once", at(evaluator.Stopping, 5), evaluator.Stopping},
			{"the evaluation that was under way is not", at(evaluator.Healthy, 6), evaluator.Stopping},
			{"the one after it, stopping too, is", at(evaluator.Stopping, 7), evaluator.Stopping},
		}
		for _, step := range steps {
			h.Publish(step.s)
			if got := statusNow(t, h); got != step.want {
				t.Errorf("%s: got %s, want %s", step.name, got, step.want)
			}
		}
		if got := h.view.Load().snapshot; got != steps[len(steps)-1].s {
			t.Error("the last stopping snapshot is not in place")
		}
	})
}

// TestStalledRecovers holds that a new evaluation ends the stall.
func TestStalledRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newWorld(evaluator.Healthy).handler(t)
		time.Sleep(2 * time.Minute)
		if got := statusNow(t, h); got != evaluator.Unhealthy {
			t.Errorf("stalled: got %s, want unhealthy", got)
		}
		if got := ask(h, "GET", "/health/live").StatusCode; got != 503 {
			t.Errorf("stalled: got %d, want 503", got)
		}
		h.Publish(snapshotOf(evaluator.Healthy, time.Now().UTC()))
		if got := ask(h, "GET", "/health/live").StatusCode; got != 200 {
			t.Errorf("recovered: got %d, want 200", got)
		}
	})
}

// TestPagesFollowSnapshot holds that a page rendered on request is not served for the next snapshot.
func TestPagesFollowSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newWorld(evaluator.Healthy).handler(t)
		const path = "/health/checks/disk-space"
		first := body(t, ask(h, "GET", path))
		if again := body(t, ask(h, "GET", path)); again != first {
			t.Errorf("one snapshot, two answers:\n%s\n%s", first, again)
		}
		time.Sleep(time.Second)
		h.Publish(snapshotOf(evaluator.Degraded, time.Now().UTC()))
		if next := body(t, ask(h, "GET", path)); next == first {
			t.Errorf("the next snapshot's answer is the old one: %s", next)
		}
	})
}

func TestPagesAreBounded(t *testing.T) {
	var p pages
	for i := range 3 * maxPages {
		key := page{path: fmt.Sprint(i)}
		p.get(key, func() []byte { return []byte(key.path) })
		if got := string(p.get(key, func() []byte { return []byte(key.path) })); got != key.path {
			t.Fatalf("page %d: got %q", i, got)
		}
	}
	if len(p.rendered) != maxPages {
		t.Errorf("%d pages are kept, want %d", len(p.rendered), maxPages)
	}
}

// TestConcurrentUse publishes while requests are served; the race detector judges it. Each answer must be whole.
func TestConcurrentUse(t *testing.T) {
	w := newWorld(evaluator.Healthy)
	h := w.handler(t)
	srv := httptest.NewServer(h)
	defer srv.Close()
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			for n := range 50 {
				h.Publish(snapshotOf(allStatuses[1+(i+n)%4], time.Now().UTC()))
			}
		})
	}
	for _, path := range append([]string{"/"}, jsonPaths...) {
		wg.Go(func() {
			for range 20 {
				if _, text := send(t, srv, "GET", path); path != "/" && !json.Valid([]byte(text)) {
					t.Errorf("GET %s: %q is no JSON", path, text)
				}
			}
		})
	}
	wg.Wait()
}
