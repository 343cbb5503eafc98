package p2p

import (
	"errors"
	"fmt"

	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/prometheus/client_golang/prometheus"
)

// Native exposes what libp2p itself counts of swarms and resource managers, under libp2p's own names (libp2p_swarm_…,
// libp2p_rcmgr_…). libp2p keeps these in variables of its packages: they are sums over all hosts of the process that
// report, of no use to judge a cluster by, and not all of them would pass a lint. So they are off unless asked for.
type Native struct {
	Swarm  swarm.MetricsTracer // for swarm.WithMetricsTracer
	Limits rcmgr.TraceReporter // for rcmgr.WithTraceReporter
}

// NewNative registers libp2p's metrics. Both fields may be given to several hosts.
func NewNative(reg prometheus.Registerer) (_ *Native, err error) {
	if reg == nil { // libp2p would take the default registry
		return nil, errors.New("expose libp2p's own metrics: no registerer")
	}
	defer func() { // libp2p panics when a name is taken
		if r := recover(); r != nil {
			err = fmt.Errorf("expose libp2p's own metrics: %v", r)
		}
	}()
	limits, err := rcmgr.NewStatsTraceReporter()
	if err != nil {
		return nil, fmt.Errorf("expose libp2p's own metrics: %w", err)
	}
	rcmgr.MustRegisterWith(reg)
	return &Native{Swarm: swarm.NewMetricsTracer(swarm.WithRegisterer(reg)), Limits: limits}, nil
}
