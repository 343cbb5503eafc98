package collectors

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// primeTimeout bounds Prime. A disk answers in microseconds, and who reloads waits.
const primeTimeout = time.Second

// Prime reads the paths that o adds to what is watched, so that an Apply of o that follows has their values: without it a
// new path is unknown until it was read. It returns when all were read, ctx is done, or a second or DiskTimeout is over,
// whichever is first; a path that has not answered by then, or with an error, is read again once it is watched. While Run
// is not at work it reads nothing. What is not applied is dropped by the next Prime or Apply.
func (r *Resources) Prime(ctx context.Context, o ResourcesOptions) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	fresh := r.unwatched(o.Paths)
	var reads sync.WaitGroup
	for _, d := range fresh {
		reads.Go(func() {
			began := time.Now()
			value, err := r.calls.do(ctx, d.name, min(o.DiskTimeout, primeTimeout), d.read)
			if err == nil {
				d.last = began
				d.keep(value, nil, r.logger)
			}
		})
	}
	reads.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.primed = fresh; !r.sampling { // Run has ended meanwhile
		r.primed = nil
	}
	return nil
}

// unwatched makes sensors for those of paths that have none. Without Run there are none to make.
func (r *Resources) unwatched(paths []string) (fresh []*sensor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.sampling {
		return nil
	}
	for _, path := range paths {
		if !slices.ContainsFunc(r.disks, func(d *sensor) bool { return d.path == path }) {
			fresh = append(fresh, r.newDisk(path))
		}
	}
	return fresh
}

// newDisk is the sensor of a path, with the labels of its series.
func (r *Resources) newDisk(path string) *sensor {
	d := newDisk(path, r.system.statfs)
	d.labels = prometheus.MakeLabelPairs(r.descs.disk, []string{path})
	return d
}

// keepValues says whether what is read beforehand may be kept. It drops what was, so that no value outlives Run.
func (r *Resources) keepValues(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sampling, r.primed = on, nil
}
