package web

import (
	"fmt"
	"net/http"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsHandler serves the gathered metrics. A collector that fails is logged and left out; the rest is served. More
// scrapes at once than MaxMetricsRequests are answered 503, so that scraping can't starve what is measured.
func (h *Handler) metricsHandler() (handler http.Handler, err error) {
	opts := promhttp.HandlerOpts{
		ErrorLog:            errorLog{h.opts.Logger},
		ErrorHandling:       promhttp.ContinueOnError,
		Registry:            h.opts.Registerer,
		MaxRequestsInFlight: h.opts.MaxMetricsRequests,
		EnableOpenMetrics:   true,
	}
	if h.opts.Registerer == nil {
		return promhttp.HandlerFor(h.opts.Gatherers, opts), nil
	}
	defer func() { // promhttp panics when its metrics can't be registered
		if p := recover(); p != nil {
			err = fmt.Errorf("register the metrics of the metrics handler: %v", p)
		}
	}()
	return promhttp.InstrumentMetricHandler(h.opts.Registerer, promhttp.HandlerFor(h.opts.Gatherers, opts)), nil
}

// errorLog writes promhttp's errors into the process log.
type errorLog struct{ logger log.Logger }

// Println is given a few words and an error.
func (l errorLog) Println(v ...any) {
	err := v[len(v)-1]
	level.Error(l.logger).Log("msg", "Serving metrics incomplete", "err", err)
}
