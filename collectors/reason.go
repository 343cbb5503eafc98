package collectors

import (
	"errors"
	"io/fs"
	"slices"
	"syscall"
)

// unreadable maps errors to the values of the label reason, the first that fits counts.
func unreadable() []struct {
	err  error
	name string
} {
	return []struct {
		err  error
		name string
	}{
		{errTimeout, "timeout"},
		{errNoBlocks, "no_blocks"},
		{fs.ErrNotExist, "no_such_file"},
		{syscall.ENOTDIR, "no_such_file"},
		{fs.ErrPermission, "permission_denied"},
		{syscall.ENOTCONN, "not_connected"}, // a FUSE mount whose server has ended
		{syscall.ESTALE, "stale_handle"},    // NFS
		{syscall.EIO, "io_error"},
	}
}

const otherReason = "error"

// reason names why a read failed, for the label reason: one of a closed set, never an error text.
func reason(err error) string {
	for _, r := range unreadable() {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	return otherReason
}

// UnreadableReasons returns all values of the label reason of chorus_resource_unreadable.
func UnreadableReasons() []string {
	reasons := []string{otherReason}
	for _, r := range unreadable() {
		reasons = append(reasons, r.name)
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}
