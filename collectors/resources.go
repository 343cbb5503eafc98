package collectors

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// readTimeout bounds one read of CPU or memory. The kernel answers these from memory; what takes longer is a hanging
// user-space file system in its place (lxcfs), which must not keep the last value alive.
const readTimeout = 5 * time.Second

// system is where readings come from: the machine, or a fixture in tests.
type system struct {
	root       string // directory that holds /proc and the mount points of /proc/self/mountinfo
	fileSystem func(path string) (fileSystem, error)
}

// Resources exposes the utilization of CPU, memory and disks as ratios between 0 and 1. CPU and memory are those of
// the process's control groups where one limits them, else of the host. A value that is not known yet is absent. One that
// was known and can't be read any more is NaN; so is that of a path from its first failed read on. Before Run and after it
// nothing is known. It is a prometheus.Collector; all methods are safe for concurrent use.
type Resources struct {
	system      system
	logger      log.Logger
	descs       resourceDescs
	calls       calls[float64]
	diskCalls   calls[fileSystem]
	cpu, memory *sensor[float64]
	running     atomic.Bool

	mu sync.Mutex // guards what Apply replaces
	applied
	primed   []*diskSensor // of paths that the next Apply may watch, read beforehand
	sampling bool          // values may be kept: from the beginning of Run until it forgets them
}

// applied is what follows from the options. Its slices are replaced as a whole and never written to.
type applied struct {
	options    ResourcesOptions
	disks      []watched
	thresholds []prometheus.Metric
	replaced   chan struct{} // closed when another one takes its place
}

// watched is a disk with what is expected of it, when it was first watched, and the labels of its series.
type watched struct {
	*diskSensor
	want   Disk
	since  time.Time
	labels []*dto.LabelPair
}

// NewResources checks the options and prepares the collector. It reads nothing and starts nothing.
func NewResources(o ResourcesOptions) (*Resources, error) {
	return newResources(o, system{
		root:       "/",
		fileSystem: func(path string) (fileSystem, error) { return readFileSystem("/", path) },
	})
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
		cpu:    newSensor[float64]("cpu", nil), // Run gives it a meter
		memory: newSensor("memory", (&memoryMeter{root: sys.root, cgroups: cgroups{root: sys.root}}).read),
	}
	r.applied = r.prepare(o)
	return r, nil
}

// Apply puts other options into force, also while Run is at work: all of them, or none if one is wrong. A path that
// stays keeps its value and is read again at once: from then on it is compared with the file system of that reading. A
// new path has no value until its first read, the series of one that went vanish. The Logger stays what it was.
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
	known := make(map[string]watched, len(r.disks))
	for _, d := range r.primed {
		known[d.path] = r.watch(d)
	}
	for _, d := range r.disks {
		d.startOver()
		known[d.path] = d
	}
	a := applied{options: o, replaced: make(chan struct{}), thresholds: r.descs.thresholds(o.Thresholds)}
	for _, want := range o.Disks {
		d, ok := known[want.Path]
		if !ok {
			d = r.watch(newDisk(want.Path, r.system.fileSystem))
		}
		d.want = want
		a.disks = append(a.disks, d)
	}
	return a
}

// watch adds the labels of its series to a new sensor. All series of a path have the same.
func (r *Resources) watch(d *diskSensor) watched {
	return watched{diskSensor: d, since: time.Now(), labels: prometheus.MakeLabelPairs(r.descs.disk, []string{d.path})}
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
	r.forgetCPU() // no window spans two Runs
	for ctx.Err() == nil {
		r.sample(ctx, r.current())
	}
	return nil
}

// sample lets every sensor measure at its own pace until ctx is done or a is replaced. A sensor remembers when it was
// read last, so starting over loses and repeats nothing. What is omitted is forgotten: an old value must not come back.
func (r *Resources) sample(ctx context.Context, a applied) {
	ctx, cancel := context.WithCancel(ctx)
	var loops sync.WaitGroup
	if o := a.options; o.Omit.CPU {
		r.forgetCPU()
	} else {
		start(ctx, &loops, r.cpu, o.Interval, func() { r.cpu.measure(ctx, &r.calls, readTimeout, r.logger) })
	}
	if o := a.options; o.Omit.Memory {
		r.memory.forget()
	} else {
		start(ctx, &loops, r.memory, o.Interval, func() { r.memory.measure(ctx, &r.calls, readTimeout, r.logger) })
	}
	for _, d := range a.disks {
		start(ctx, &loops, d.sensor, a.options.DiskInterval, func() {
			d.measure(ctx, &r.diskCalls, a.options.DiskTimeout, r.logger)
		})
	}
	select {
	case <-ctx.Done():
	case <-a.replaced:
	}
	cancel()
	loops.Wait()
}

func start[T any](ctx context.Context, loops *sync.WaitGroup, s *sensor[T], every time.Duration, measure func()) {
	loops.Go(func() { s.loop(ctx, every, measure) })
}

// forgetCPU drops the value of the CPU and the sample that the next one would be compared with.
func (r *Resources) forgetCPU() {
	r.cpu.forget()
	r.cpu.read = (&cpuMeter{root: r.system.root, cgroups: cgroups{root: r.system.root}}).read
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
