package dht

import (
	"context"
	"errors"
	"fmt"

	"chorus/probes"
)

// Probe implements probes.Probe: one put and get. It passes if at least MinHolders other nodes hold the value byte for
// byte, whatever others hold: a single hostile or damaged node must not be able to fail it everywhere. Wrong answers are
// counted, in chorus_dht_integrity_failures_total and in the details. Where they leave too few right ones, the run is an
// integrity failure.
func (d *Probe) Probe(ctx context.Context) (probes.Result, error) {
	done, err := d.takeTurn(ctx)
	if err != nil {
		return probes.Result{}, err
	}
	defer done()
	r, err := d.play(ctx)
	o := d.inForce()
	if err == nil {
		err = r.judge(ctx, o)
	}
	d.metrics.observe(r, err == nil || !probes.Starting(ctx))
	return r.result(o), err
}

// result tells people what the round saw.
func (r *dhtRound) result(o Options) probes.Result {
	return probes.Result{
		Message: r.message(),
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
			"absent":          r.absent(),
			"corrupt":         r.with(verdictCorrupt),
			"silent":          r.with(verdictSilent),
			"min_holders":     o.MinHolders,
			"put_seconds":     r.putSeconds(),
			"get_seconds":     r.getSeconds(),
		},
	}
}

// message says how many hold the value, and how many hold another.
func (r *dhtRound) message() string {
	held, asked, corrupt := r.with(verdictHeld), len(r.replies), r.with(verdictCorrupt)
	switch corrupt {
	case 0:
		return fmt.Sprintf("%d of %d nodes hold the value", held, asked)
	case 1:
		return fmt.Sprintf("%d of %d nodes hold it; 1 holds something else", held, asked)
	}
	return fmt.Sprintf("%d of %d nodes hold it; %d hold something else", held, asked, corrupt)
}

// judge is nil if the round passed, else why it did not. A wrong answer tells more than a missing one, so it is the reason
// whatever else went wrong.
func (r *dhtRound) judge(ctx context.Context, o Options) error {
	asked, held := len(r.replies), r.with(verdictHeld)
	switch corrupt := r.with(verdictCorrupt); {
	case held >= o.MinHolders:
		return nil
	case corrupt > 0:
		return probes.WithReason(probes.ReasonIntegrity, fmt.Errorf(
			"%d of %d nodes hold something else than what was put, and %d hold it, of %d required",
			corrupt, asked, held, o.MinHolders))
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
func (r *dhtRound) refusal(o Options) string {
	mend := "its nodes must accept the default namespace ipns"
	if o.Namespace == NamespaceHealth {
		mend = "its nodes need healthrecord.Validator for the namespace health, or set the namespace ipns"
	}
	return fmt.Sprintf("%d of %d nodes refused the put: %s", r.refused(), len(r.replies), mend)
}
