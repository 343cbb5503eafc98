package store

import (
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// millis is a timestamp in milliseconds since 1970. It has a name so that Seek is not taken for io.Seeker's by go vet.
type millis = int64

// iterator walks through samples that nobody changes any more. All of them are floats.
type iterator struct {
	samples []sample
	i       int // -1 before the first step
}

var _ chunkenc.Iterator = (*iterator)(nil)

// Next implements chunkenc.Iterator.
func (it *iterator) Next() chunkenc.ValueType {
	if it.i < len(it.samples) {
		it.i++
	}
	return it.kind()
}

// Seek implements chunkenc.Iterator.
func (it *iterator) Seek(t millis) chunkenc.ValueType {
	it.i = max(it.i, 0)
	it.i += search(it.samples[it.i:], t)
	return it.kind()
}

func (it *iterator) kind() chunkenc.ValueType {
	if it.i < len(it.samples) {
		return chunkenc.ValFloat
	}
	return chunkenc.ValNone
}

// At implements chunkenc.Iterator.
func (it *iterator) At() (int64, float64) {
	s := &it.samples[it.i]
	return s.t, s.v
}

// AtT implements chunkenc.Iterator.
func (it *iterator) AtT() int64 { return it.samples[it.i].t }

// AtST implements chunkenc.Iterator: the store keeps no start timestamps.
func (it *iterator) AtST() int64 { return 0 }

// AtHistogram implements chunkenc.Iterator. Nobody may call it: Next and Seek never announce a histogram.
func (it *iterator) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) {
	panic("AtHistogram on a series of floats")
}

// AtFloatHistogram implements chunkenc.Iterator. Nobody may call it: Next and Seek never announce a histogram.
func (it *iterator) AtFloatHistogram(*histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	panic("AtFloatHistogram on a series of floats")
}

// Err implements chunkenc.Iterator: reading memory does not fail.
func (it *iterator) Err() error { return nil }
