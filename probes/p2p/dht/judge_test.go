package dht

import (
	"context"
	"testing"

	"chorus/probes"
)

// One hostile node can neither fail a run that has its holders, nor pass for one that is merely away where it has not.
func TestDHTJudge(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	held, corrupt := dhtReply{acked: true, verdict: verdictHeld}, dhtReply{acked: true, verdict: verdictCorrupt}
	silent, absent := dhtReply{late: true}, dhtReply{acked: true, verdict: verdictAbsent}
	refused, newer := dhtReply{verdict: verdictAbsent}, dhtReply{verdict: verdictNewer}
	for name, c := range map[string]struct {
		ctx     context.Context
		replies []dhtReply
		want    probes.Reason // "" passes
	}{
		"enough":                     {t.Context(), []dhtReply{held, held}, ""},
		"enough, the rest corrupt":   {t.Context(), []dhtReply{held, corrupt, held, corrupt, corrupt}, ""},
		"enough, the rest anything":  {gone, []dhtReply{held, held, silent, absent, refused, newer}, ""},
		"corrupt alone":              {t.Context(), []dhtReply{corrupt}, probes.ReasonIntegrity},
		"corrupt and too few":        {t.Context(), []dhtReply{held, corrupt}, probes.ReasonIntegrity},
		"corrupt and silent":         {t.Context(), []dhtReply{corrupt, silent, silent}, probes.ReasonIntegrity},
		"corrupt and out of time":    {gone, []dhtReply{corrupt, silent}, probes.ReasonIntegrity},
		"corrupt and refused":        {t.Context(), []dhtReply{corrupt, refused, newer}, probes.ReasonIntegrity},
		"too few and silent":         {t.Context(), []dhtReply{held, silent}, probes.ReasonTimeout},
		"all silent":                 {t.Context(), []dhtReply{silent, silent}, probes.ReasonTimeout},
		"all refused":                {t.Context(), []dhtReply{refused, refused}, probes.ReasonRefused},
		"acknowledged, nothing held": {t.Context(), []dhtReply{absent, absent}, probes.ReasonError},
	} {
		t.Run(name, func(t *testing.T) {
			r := &dhtRound{replies: c.replies}
			err := r.judge(c.ctx, Options{MinHolders: 2})
			if (err == nil) != (c.want == "") || err != nil && probes.ReasonOf(err) != c.want {
				t.Errorf("error %v with reason %q, want %q", err, probes.ReasonOf(err), c.want)
			}
			if all := r.with(verdictHeld) + r.absent() + r.with(verdictCorrupt) + r.with(verdictSilent); all != len(c.replies) {
				t.Errorf("%d nodes are counted, want all %d", all, len(c.replies))
			}
		})
	}
}
