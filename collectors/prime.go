package collectors

import (
	"context"
	"slices"
	"sync"
	"time"
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
	fresh := r.unwatched(o.Disks)
	var reads sync.WaitGroup
	for _, d := range fresh {
		reads.Go(func() {
			began := time.Now()
			value, err := r.diskCalls.do(ctx, d.name, min(o.DiskTimeout, primeTimeout), d.read)
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

// unwatched makes sensors for the paths that have none. Without Run there are none to make.
func (r *Resources) unwatched(disks []Disk) (fresh []*diskSensor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.sampling {
		return nil
	}
	for _, want := range disks {
		if !slices.ContainsFunc(r.disks, func(d watched) bool { return d.path == want.Path }) {
			fresh = append(fresh, newDisk(want.Path, r.system.fileSystem))
		}
	}
	return fresh
}

// keepValues sets whether what is read beforehand may be kept. It drops what was, so that no value outlives Run.
func (r *Resources) keepValues(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sampling, r.primed = on, nil
}
