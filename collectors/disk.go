package collectors

import (
	"errors"
	"fmt"
	"io/fs"
)

// Disk is a path whose file system is watched, and what is expected of it.
type Disk struct {
	Path string // absolute, in its shortest form; the label path, as written here
	// Mount says that the path must be a mount point. Until it has been one there is nothing to compare with.
	Mount bool
	// Writable says whether the file system must be writable. nil: if it was at the first reading.
	Writable *bool
}

// diskSensor is the sensor of a path, with what its file system was at first.
type diskSensor struct {
	*sensor[fileSystem]
	path string

	// Guarded by the sensor's lock.
	first   *fileSystem // the first reading
	mounted *fileSystem // the first reading at which the path was a mount point
	rebase  bool        // the next reading is a first one again
}

// newDisk watches the file system that holds path.
func newDisk(path string, read func(path string) (fileSystem, error)) *diskSensor {
	d := &diskSensor{path: path}
	d.sensor = newSensor("disk:"+path, func() (fileSystem, error) {
		now, err := read(path)
		if err == nil {
			_, err = now.space.ratio()
		}
		if err != nil {
			return fileSystem{}, fmt.Errorf("read the file system of %s: %w", path, err)
		}
		return now, nil
	})
	d.seen = d.compare
	return d
}

// compare notes what later readings are compared with.
func (d *diskSensor) compare(now fileSystem) {
	first, mounted := d.first, d.mounted
	if d.rebase {
		d.first, d.mounted, d.rebase = nil, nil, false
	}
	if d.first == nil {
		d.first = firstOf(now, first)
	}
	if d.mounted == nil && now.mountPoint {
		d.mounted = firstOf(now, mounted)
	}
}

// firstOf returns now as a first reading that replaces before, if there was one. A file system that was writable once
// still counts as such: a reload accepts another file system, not a fault.
func firstOf(now fileSystem, before *fileSystem) *fileSystem {
	if before != nil && before.same(now) {
		now.readonly = now.readonly && before.readonly
		now.stopped = now.stopped && before.stopped
	}
	return &now
}

// startOver makes the next reading a first one, and lets it begin at once.
func (d *diskSensor) startOver() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rebase, d.again = true, true
}

// diskState is what is exposed of a disk, all of one moment.
type diskState struct {
	reading[fileSystem]
	flags
}

// flags are the judgments that need more than one reading. A nil field is unknown.
type flags struct{ readonly, replaced, mounted *bool }

// state returns what is known of the disk, judged by what is expected of it.
func (d *diskSensor) state(want Disk) diskState {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := diskState{reading: d.kept}
	first := d.first
	if want.Mount {
		first = d.mounted
	}
	switch {
	case s.known:
		s.flags = want.judge(first, s.value)
	case want.Mount && errors.Is(s.err, fs.ErrNotExist):
		s.flags = flags{replaced: new(true), mounted: new(false)} // what is not there is not a mount point
	}
	return s
}

// judge compares a reading with the first one, nil if there is none yet, and with what is expected. A sandbox may show
// every file system read-only; then the file system itself tells when it is.
func (d Disk) judge(first *fileSystem, now fileSystem) flags {
	missing := d.Mount && !now.mountPoint
	mounted := !missing && (first == nil || !first.left(now))
	replaced := missing || first != nil && !first.same(now)
	readonly := now.failed || first != nil && (now.readonly && !first.readonly || now.stopped && !first.stopped)
	if d.Writable != nil {
		readonly = now.readonly && *d.Writable
	}
	return flags{readonly: &readonly, replaced: &replaced, mounted: &mounted}
}
