package collectors

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-kit/log"
)

// Defaults of the zero fields of ResourcesOptions.
const (
	DefaultResourceInterval = 5 * time.Second
	DefaultDiskInterval     = 60 * time.Second
	DefaultDiskTimeout      = 5 * time.Second
)

// ResourceThresholds are utilizations over which rules report a resource, as ratios between 0 and 1. The collector only
// exposes them; zero means not configured and exposes nothing.
type ResourceThresholds struct{ CPU, Memory, Disk float64 }

// ResourcesOptions configure Resources. Nothing is required.
type ResourcesOptions struct {
	Paths        []string // absolute paths, each naming a file system to watch; the label path, as written here
	Thresholds   ResourceThresholds
	Interval     time.Duration // between samples of CPU and memory, and the window of the CPU value
	DiskInterval time.Duration // between reads of a path
	DiskTimeout  time.Duration // of one read of a path
	Logger       log.Logger    // read by NewResources only
}

// withDefaults fills the zero fields and checks the rest; the error joins every fault.
func (o ResourcesOptions) withDefaults() (ResourcesOptions, error) {
	o.Paths = slices.Clone(o.Paths)
	err := errors.Join(checkPaths(o.Paths), o.Thresholds.check())
	for _, d := range []struct {
		name     string
		value    *time.Duration
		fallback time.Duration
	}{
		{"interval", &o.Interval, DefaultResourceInterval},
		{"disk interval", &o.DiskInterval, DefaultDiskInterval},
		{"disk timeout", &o.DiskTimeout, DefaultDiskTimeout},
	} {
		switch {
		case *d.value == 0:
			*d.value = d.fallback
		case *d.value < 0:
			err = errors.Join(err, fmt.Errorf("resources: %s %s is negative: give a positive duration, or 0 for %s",
				d.name, *d.value, d.fallback))
		}
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	return o, err
}

func checkPaths(paths []string) error {
	var errs []error
	seen := make(map[string]bool, len(paths))
	for _, path := range paths {
		clean := filepath.Clean(path)
		switch {
		case !utf8.ValidString(path):
			errs = append(errs, fmt.Errorf("resources: disk path %q is not valid UTF-8, which a label must be", path))
		case !filepath.IsAbs(path):
			errs = append(errs, fmt.Errorf("resources: disk path %q is not absolute: write it from the root", path))
		case seen[clean]:
			errs = append(errs, fmt.Errorf("resources: disk path %q is listed twice: drop one", path))
		}
		seen[clean] = true
	}
	return errors.Join(errs...)
}

func (t ResourceThresholds) check() error {
	var errs []error
	for _, n := range t.named() {
		if n.value != 0 && !(n.value > 0 && n.value < 1) { // written so that NaN is refused
			errs = append(errs, fmt.Errorf(
				"resources: threshold %s is %v: give a ratio over 0 and under 1, such as 0.9, or leave it out",
				n.resource, n.value))
		}
	}
	return errors.Join(errs...)
}

// namedThreshold is a threshold and the value of its label resource.
type namedThreshold struct {
	resource string
	value    float64
}

func (t ResourceThresholds) named() [3]namedThreshold {
	return [...]namedThreshold{{"cpu", t.CPU}, {"memory", t.Memory}, {"disk", t.Disk}}
}
