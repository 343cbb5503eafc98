package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"chorus/probes"
)

// Store is a member that holds values, such as a DHT.
type Store interface {
	PutValue(ctx context.Context, key string, value []byte) error
	GetValue(ctx context.Context, key string) ([]byte, error)
}

// StoreOptions configure a StoreProbe.
type StoreOptions struct {
	Writer Store // puts. Required
	// Reader is another member, with connections of its own. Nil, or the same as Writer: the check is degraded.
	Reader Store
	Key    string // one that no application uses; each run overwrites its value. Required
}

// StoreProbe is a probes.Probe that puts a value which nobody has seen before and waits until the reader gets it, byte for
// byte.
type StoreProbe struct {
	o    StoreOptions
	self bool
}

// Pauses between two reads of a value that has not arrived.
const firstPause, longestPause = 20 * time.Millisecond, time.Second

// NewStore checks the options. It neither puts nor gets anything.
func NewStore(o StoreOptions) (*StoreProbe, error) {
	switch {
	case o.Writer == nil:
		return nil, errors.New("store probe: no Writer; set one")
	case o.Key == "":
		return nil, errors.New("store probe: no Key; set one that no application uses")
	}
	self := o.Reader == nil || same(o.Writer, o.Reader)
	if o.Reader == nil {
		o.Reader = o.Writer
	}
	return &StoreProbe{o, self}, nil
}

// Probe implements probes.Probe.
func (p *StoreProbe) Probe(ctx context.Context) (probes.Result, error) {
	res := probes.Result{Details: map[string]any{probes.DetailMode: mode(p.self, "relayed"), "key": p.o.Key}}
	text, err := fresh()
	if err != nil {
		return res, err
	}
	value, began := []byte(text), time.Now()
	if err := p.o.Writer.PutValue(ctx, p.o.Key, value); err != nil {
		return res, fmt.Errorf("put %s: %w", p.o.Key, err)
	}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		got, err := p.o.Reader.GetValue(ctx, p.o.Key)
		if err == nil && bytes.Equal(got, value) {
			res.Message = fmt.Sprintf("value arrived after %s", took(began))
			return res, nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return res, p.missing(got, err, took(began))
		}
	}
}

// missing is why a run ended without its value: by the last thing that the reader said.
func (p *StoreProbe) missing(got []byte, err error, after time.Duration) error {
	switch {
	case err != nil:
		return fmt.Errorf("get %s after %s: %w", p.o.Key, after, err)
	case len(got) == 0:
		return probes.WithReason(probes.ReasonTimeout, fmt.Errorf("the reader holds nothing under %s after %s", p.o.Key, after))
	case len(got) > maxValue:
		err := fmt.Errorf("the reader holds %d bytes under %s, which were not put", len(got), p.o.Key)
		return probes.WithReason(probes.ReasonIntegrity, err)
	}
	return probes.WithReason(probes.ReasonIntegrity, fmt.Errorf("the reader holds another value under %s after %s", p.o.Key, after))
}

// Check is the spec of the check that the probe decides: critical, of the component dht.
func (p *StoreProbe) Check(name string) probes.Spec {
	return probes.Spec{
		Name: name, Description: "A fresh value put by one member of the cluster is held, byte for byte, by another.",
		Component: "dht", Critical: true, Probe: p,
	}
}
