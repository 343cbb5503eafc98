package collectors

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
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
type ResourceThresholds struct{ CPU, Memory, Disk, Inodes float64 }

// ResourcesOptions configure Resources. Nothing is required.
type ResourcesOptions struct {
	Disks        []Disk // the file systems to watch
	Thresholds   ResourceThresholds
	Omit         OmittedResources
	Interval     time.Duration // between samples of CPU and memory, and the window of the CPU value
	DiskInterval time.Duration // between reads of a path
	DiskTimeout  time.Duration // of one read of a path
	Logger       log.Logger    // read by NewResources only
}

// OmittedResources are those that are not measured and have no series. Disks are omitted by listing none.
type OmittedResources struct{ CPU, Memory, Inodes bool }

// withDefaults fills the zero fields and checks the rest; the error joins every fault.
func (o ResourcesOptions) withDefaults() (ResourcesOptions, error) {
	o.Disks = slices.Clone(o.Disks)
	err := errors.Join(checkDisks(o.Disks), o.Thresholds.check())
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
			err = errors.Join(err, fmt.Errorf("resources: %s %s is negative: set a positive duration, or 0 for %s",
				d.name, *d.value, d.fallback))
		}
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	return o, err
}

func checkDisks(disks []Disk) error {
	var errs []error
	seen := make(map[string]bool, len(disks))
	for _, d := range disks {
		err := CheckPath(d.Path)
		if err == nil && seen[d.Path] {
			err = fmt.Errorf("duplicate path %q: remove one", d.Path)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("resources: disks: %w", err))
		}
		seen[d.Path] = true
	}
	return errors.Join(errs...)
}

// CheckPath reports what is wrong with the way a path is written, with the fix. It does not look at the disk.
func CheckPath(path string) error {
	switch clean := filepath.Clean(path); {
	case path == "":
		return errors.New("missing: name a path on the file system to watch")
	case !utf8.ValidString(path):
		return fmt.Errorf("invalid path %q: not valid UTF-8, which a label must be", path)
	case strings.ContainsRune(path, 0):
		return fmt.Errorf("invalid path %q: contains a NUL byte", path)
	case !filepath.IsAbs(path):
		return fmt.Errorf("relative path %q: write the absolute path", path)
	case slices.Contains(strings.Split(filepath.ToSlash(path), "/"), ".."):
		return fmt.Errorf(`invalid path %q: contains "..", write the path without it`, path)
	case path != clean:
		return fmt.Errorf("invalid path %q: write %q", path, clean)
	}
	return nil
}

func (t ResourceThresholds) check() error {
	var errs []error
	for _, n := range t.named() {
		if n.value != 0 && !(n.value > 0 && n.value < 1) { // written so that NaN is refused
			errs = append(errs, fmt.Errorf(
				"resources: threshold %s is %v: set a ratio over 0 and under 1, such as 0.9, or leave it out",
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

func (t ResourceThresholds) named() [4]namedThreshold {
	return [...]namedThreshold{
		{resourceCPU, t.CPU}, {resourceMemory, t.Memory}, {resourceDisk, t.Disk}, {resourceInodes, t.Inodes},
	}
}
