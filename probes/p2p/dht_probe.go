package p2p

import (
	"context"
	"errors"
	"fmt"

	"chorus/probes"
)

// Probe implements probes.Probe: one put and get. It passes if at least MinHolders other nodes hold the value byte for
// byte and none shows anything that we did not write: a wrong answer is an integrity failure, however many right ones
// stand beside it.
func (d *DHTProbe) Probe(ctx context.Context) (probes.Result, error) {
	done, err := d.takeTurn(ctx)
	if err != nil {
		return probes.Result{}, err
	}
	defer done()
	r, err := d.play(ctx)
	d.metrics.observe(r)
	o := d.inForce()
	if err == nil {
		err = r.judge(ctx, o)
	}
	return r.result(o), err
}

// result tells people what the round saw.
func (r *dhtRound) result(o DHTOptions) probes.Result {
	return probes.Result{
		Message: fmt.Sprintf("%d of %d nodes hold the value", r.with(verdictHeld), len(r.replies)),
		Details: map[string]any{
			"namespace":       o.Namespace,
			"connected_peers": r.connected,
			"servers":         r.servers,
			"lookup_complete": r.complete,
			"asked":           len(r.replies),
			"acked":           r.acked(),
			"refused":         r.refused(),
			"held":            r.with(verdictHeld),
			"stale":           r.with(verdictStale),
			"newer":           r.with(verdictNewer),
			"corrupt":         r.with(verdictCorrupt),
			"silent":          r.with(verdictSilent),
			"min_holders":     o.MinHolders,
			"put_seconds":     r.putSeconds(),
			"get_seconds":     r.getSeconds(),
		},
	}
}

// judge is nil if the round passed, else why it did not.
func (r *dhtRound) judge(ctx context.Context, o DHTOptions) error {
	asked, held := len(r.replies), r.with(verdictHeld)
	switch corrupt := r.with(verdictCorrupt); {
	case corrupt > 0:
		return probes.WithReason(probes.ReasonIntegrity,
			fmt.Errorf("%d of %d nodes hold something else than what was put", corrupt, asked))
	case held >= o.MinHolders:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%d of %d nodes hold the value, %d are required: %w", held, asked, o.MinHolders, ctx.Err())
	}
	silent, refused := r.with(verdictSilent), r.refused()
	switch {
	case silent == asked:
		return probes.WithReason(probes.ReasonTimeout, fmt.Errorf("none of %d nodes answered in time", asked))
	case r.with(verdictNewer) > 0:
		return fmt.Errorf("%d of %d nodes hold a newer record signed with our key: another process uses this identity, "+
			"or the clock went back across a restart", r.with(verdictNewer), asked)
	case refused > 0 && r.acked() == 0:
		return probes.WithReason(probes.ReasonRefused, errors.New(r.refusal(o)))
	}
	err := fmt.Errorf("%d of %d nodes hold the value, %d are required", held, asked, o.MinHolders)
	if silent > 0 {
		return probes.WithReason(probes.ReasonTimeout, fmt.Errorf("%w; %d did not answer in time", err, silent))
	}
	return err
}

// refusal is the text for a put that nobody accepted, with the likely mend.
func (r *dhtRound) refusal(o DHTOptions) string {
	mend := "its nodes must accept the default namespace ipns"
	if o.Namespace == NamespaceHealth {
		mend = "its nodes need healthrecord.Validator for the namespace health, or set the namespace ipns"
	}
	return fmt.Sprintf("%d of %d nodes refused the put: %s", r.refused(), len(r.replies), mend)
}
