package conformance

import (
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	clients = 10 // of each path
	probes  = 50
)

// The kubelet gets its answer within a second, its default timeout, however many others ask.
func TestProbesUnderLoad(t *testing.T) {
	for _, dir := range probed {
		t.Run(dir, func(t *testing.T) { probeUnderLoad(t, dir) })
	}
}

func probeUnderLoad(t *testing.T, dir string) {
	k := newKubelet(t, dir, states(t)["healthy"].config)
	k.timeout = time.Second
	eventually(t, "it is ready", func() bool { return k.now() == want{success, success} })

	stop := make(chan struct{})
	var answered [3]atomic.Int64
	var clientsDone sync.WaitGroup
	for i, path := range []string{"/metrics", "/health", "/health/checks"} {
		for range clients {
			clientsDone.Go(func() {
				client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}
				defer client.CloseIdleConnections()
				for {
					select {
					case <-stop:
						return
					default:
					}
					if resp, err := client.Get("http://" + k.exporter.main + path); err == nil {
						_, _ = io.Copy(io.Discard, resp.Body) // only the load counts
						resp.Body.Close()
						answered[i].Add(1)
					}
				}
			})
		}
	}
	took := make([]time.Duration, 0, probes)
	began := time.Now()
	for range probes {
		asked := time.Now()
		if got := k.now(); got != (want{success, success}) {
			t.Errorf("under load: %+v, want success", got)
		}
		took = append(took, time.Since(asked)/2)
		time.Sleep(20 * time.Millisecond)
	}
	lasted := time.Since(began).Seconds()
	close(stop)
	clientsDone.Wait()
	slices.Sort(took)
	for i := range answered {
		if answered[i].Load() == 0 {
			t.Error("one of the paths was never answered: that is no load")
		}
	}
	t.Logf("%d clients, %.0f /metrics, %.0f /health and %.0f /health/checks a second; a probe took %v, 99%% under %v, at most %v",
		3*clients, float64(answered[0].Load())/lasted, float64(answered[1].Load())/lasted, float64(answered[2].Load())/lasted,
		took[probes/2], took[probes*99/100], took[probes-1])
}
