package engine

import (
	"github.com/prometheus/prometheus/model/labels"

	"chorus/evaluator/store"
)

// direct is a series that no rule writes.
type direct struct {
	ref   store.Ref
	class Class
}

// Put writes one sample that no rule yields, at steady time t. It returns store.ErrSeriesLimit if the class has no room.
func (e *Engine) Put(c Class, l labels.Labels, t int64, v float64) error {
	e.buf = l.Bytes(e.buf)
	w, known := e.direct[string(e.buf)]
	entries := [1]store.Entry{{Ref: w.ref, Labels: l, Value: v}}
	if err := e.Store.Write(t, e.room.Limit(c), entries[:]); err != nil {
		return err
	}
	if !known {
		if e.direct == nil {
			e.direct = map[string]direct{}
		}
		e.room.wrote(c, 1)
	}
	if w.ref != entries[0].Ref {
		e.direct[string(e.buf)] = direct{entries[0].Ref, c}
	}
	return nil
}

// End marks a series stale that Put wrote.
func (e *Engine) End(l labels.Labels, t int64) {
	key := string(l.Bytes(nil))
	w, known := e.direct[key]
	if !known {
		return
	}
	_, _ = e.Store.Append(w.ref, l, t, staleNaN)
	delete(e.direct, key)
	e.room.wrote(w.class, -1)
}
