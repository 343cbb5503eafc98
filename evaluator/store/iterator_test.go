package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

func TestIterator(t *testing.T) {
	const end = int64(-1)
	type step struct {
		seek int64 // 0 is Next
		want int64
	}
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"next to the end and beyond", []step{{0, 10}, {0, 20}, {0, 30}, {0, end}, {0, end}, {10, end}}},
		{"seek first", []step{{15, 20}, {0, 30}, {0, end}}},
		{"seek exactly", []step{{20, 20}, {30, 30}}},
		{"seek before all", []step{{1, 10}, {0, 20}}},
		{"seek never goes back", []step{{0, 10}, {0, 20}, {5, 20}, {20, 20}, {0, 30}}},
		{"seek beyond the end", []step{{31, end}, {0, end}, {5, end}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			it := (&view{samples: []sample{{10, 1}, {20, 2}, {30, 3}}}).Iterator(nil)
			for i, s := range tt.steps {
				kind, got := it.Next, end
				if s.seek != 0 {
					kind = func() chunkenc.ValueType { return it.Seek(s.seek) }
				}
				if kind() == chunkenc.ValFloat {
					at, v := it.At()
					if it.AtT() != at || v != float64(at)/10 || it.AtST() != 0 {
						t.Errorf("step %d: at %d and %d, value %g, start %d", i, at, it.AtT(), v, it.AtST())
					}
					got = at
				}
				if got != s.want || it.Err() != nil {
					t.Errorf("step %d: at %d, error %v, want %d", i, got, it.Err(), s.want)
				}
			}
		})
	}
}

func TestIteratorReuse(t *testing.T) {
	a, b := &view{samples: []sample{{1, 1}, {2, 2}}}, &view{samples: []sample{{3, 3}}}
	first := a.Iterator(chunkenc.NewNopIterator())
	first.Next()
	second := b.Iterator(first)
	if second != first {
		t.Error("the iterator was not used again")
	}
	var got []int64
	for second.Next() != chunkenc.ValNone {
		got = append(got, second.AtT())
	}
	if d := cmp.Diff([]int64{3}, got); d != "" {
		t.Errorf("samples (-want +got):\n%s", d)
	}
	for name, histogram := range map[string]func(){
		"AtHistogram":      func() { second.AtHistogram(nil) },
		"AtFloatHistogram": func() { second.AtFloatHistogram(nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s answered for a float", name)
				}
			}()
			histogram()
		}()
	}
}
