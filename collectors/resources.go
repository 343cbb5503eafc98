package collectors

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
)

// readTimeout bounds one read of CPU or memory. The kernel answers these from memory; what takes longer is a hanging
// user-space file system in its place (lxcfs), which must not keep the last value alive.
const readTimeout = 5 * time.Second

// system is where readings come from: the machine, or a fixture in tests.
type system struct {
	root   string // directory that holds /proc and the mount points of /proc/self/mountinfo
	statfs func(path string) (space, error)
}

// Resources exposes the utilization of CPU, memory and disks as ratios between 0 and 1. CPU and memory are those of
// the process's control groups where one limits them, else of the host. What could not be read last time is NaN, and so
// is everything before Run and after it. It is a prometheus.Collector; all methods are safe for concurrent use.
type Resources struct {
	system      system
	logger      log.Logger
	descs       resourceDescs
	calls       calls
	cpu, memory *sensor
	running     atomic.Bool

	mu sync.Mutex // guards what Apply replaces
	applied
	primed   []*sensor // of paths that the next Apply may watch, read beforehand
	sampling bool      // values may be kept: from the beginning of Run until it forgets them
}

// applied is what follows from the options. Its slices are replaced as a whole and never written to.
type applied struct {
	options    ResourcesOptions
	disks      []*sensor
	thresholds []prometheus.Metric
	replaced   chan struct{} // closed when another one takes its place
}

// NewResources checks the options and prepares the collector. It reads nothing and starts nothing.
func NewResources(o ResourcesOptions) (*Resources, error) {
	return newResources(o, system{root: "/", statfs: statfs})
}

func newResources(o ResourcesOptions, sys system) (*Resources, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Resources{
		system: sys,
		logger: o.Logger,
		descs:  newResourceDescs(),
		cpu:    newSensor("cpu", nil), // Run gives it a meter
		memory: newSensor("memory", (&memoryMeter{root: sys.root, cgroups: cgroups{root: sys.root}}).read),
	}
	r.applied = r.prepare(o)
	return r, nil
}

// Apply puts other options into force, also while Run is at work: all of them, or none if one is wrong. A path that
// stays keeps its value, a new one has none until its first read, the series of one that went vanish. The Logger stays
// what it was.
func (r *Resources) Apply(o ResourcesOptions) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.replaced
	r.applied, r.primed = r.prepare(o), nil
	close(old)
	return nil
}

// prepare builds what follows from o, with the sensors of paths that are watched already. r.mu is held, or r is new.
func (r *Resources) prepare(o ResourcesOptions) applied {
	known := make(map[string]*sensor, len(r.disks))
	for _, d := range slices.Concat(r.primed, r.disks) {
		known[d.path] = d
	}
	a := applied{options: o, replaced: make(chan struct{}), thresholds: r.descs.thresholds(o.Thresholds)}
	for _, path := range o.Paths {
		d, ok := known[path]
		if !ok {
			d = r.newDisk(path)
		}
		a.disks = append(a.disks, d)
	}
	return a
}

func (r *Resources) current() applied {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.applied
}

// Run samples until ctx is done, then returns nil. It waits for all it started but reads that are under way, which may
// hang in the kernel where nothing can end them: at most one for each path, gone as soon as the kernel answers.
func (r *Resources) Run(ctx context.Context) error {
	if !r.running.CompareAndSwap(false, true) {
		return errors.New("run resources: already running")
	}
	defer r.running.Store(false)
	defer r.forget()
	r.keepValues(true)
	r.cpu.read = (&cpuMeter{root: r.system.root, cgroups: cgroups{root: r.system.root}}).read // no window spans two Runs
	for ctx.Err() == nil {
		a := r.current()
		r.sample(ctx, a)
	}
	return nil
}

// sample lets every sensor measure at its own pace until ctx is done or a is replaced. A sensor remembers when it was
// read last, so starting over loses and repeats nothing.
func (r *Resources) sample(ctx context.Context, a applied) {
	ctx, cancel := context.WithCancel(ctx)
	var loops sync.WaitGroup
	start := func(s *sensor, every, timeout time.Duration) {
		loops.Go(func() { s.loop(ctx, every, func() { s.measure(ctx, &r.calls, timeout, r.logger) }) })
	}
	start(r.cpu, a.options.Interval, readTimeout)
	start(r.memory, a.options.Interval, readTimeout)
	for _, d := range a.disks {
		start(d, a.options.DiskInterval, a.options.DiskTimeout)
	}
	select {
	case <-ctx.Done():
	case <-a.replaced:
	}
	cancel()
	loops.Wait()
}

// forget drops the values when nobody samples any more: an old one would pass for health.
func (r *Resources) forget() {
	r.keepValues(false)
	r.cpu.forget()
	r.memory.forget()
	for _, d := range r.current().disks {
		d.forget()
	}
}
