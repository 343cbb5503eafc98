package collectors

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/procfs"
)

// cgroups finds the control groups of this process, in both versions of the kernel's interface and in a mixture of them
// (cgroups(7), proc_pid_cgroup(5), proc_pid_mountinfo(5)). It is not safe for concurrent use.
type cgroups struct {
	root   string        // directory that holds /proc and the mount points
	mounts []cgroupMount // nil until read; they do not change under a running process
}

// cgroupMount is a mounted control group file system.
type cgroupMount struct {
	version     int
	controllers map[string]string // of version 1; the keys count
	top         string            // the group that the mount point shows
	point       string            // the mount point
}

// tree is what this process sees of one controller's groups: its own and those above it. The zero tree has none.
type tree struct {
	version int
	dir     string   // mount point, with the root before it
	groups  []string // below dir: the process's own first, "/" last
}

// tree finds the groups that apply to this process for a controller such as "memory". The tree is empty where there are
// no control groups and where this process's own lies outside of what its cgroup namespace shows.
func (c *cgroups) tree(controller string) (tree, error) {
	memberships, err := c.memberships()
	if errors.Is(err, fs.ErrNotExist) {
		return tree{}, nil // a kernel without control groups, or another system
	}
	if err != nil {
		return tree{}, fmt.Errorf("read /proc/self/cgroup: %w", err)
	}
	if err := c.readMounts(); err != nil {
		return tree{}, fmt.Errorf("read /proc/self/mountinfo: %w", err)
	}
	// A controller belongs to one version at a time: version 2 has those that no version 1 hierarchy took. A version 1
	// hierarchy that is not mounted here is passed over; its files would not be found in the other tree.
	for _, m := range memberships {
		if slices.Contains(m.Controllers, controller) {
			if t, ok := c.locate(m.Path, func(mount cgroupMount) bool {
				_, has := mount.controllers[controller]
				return mount.version == 1 && has
			}); ok {
				return t, nil
			}
		}
	}
	for _, m := range memberships {
		if m.HierarchyID == 0 && len(m.Controllers) == 0 {
			if t, ok := c.locate(m.Path, func(mount cgroupMount) bool { return mount.version == 2 }); ok {
				return t, nil
			}
		}
	}
	return tree{}, nil
}

func (c *cgroups) memberships() ([]procfs.Cgroup, error) {
	proc, err := procfs.NewFS(filepath.Join(c.root, "proc"))
	if err != nil {
		return nil, err
	}
	self, err := proc.Self()
	if err != nil {
		return nil, err
	}
	return self.Cgroups()
}

// readMounts reads the mounts once: on a busy host the list has thousands of lines.
func (c *cgroups) readMounts() error {
	if c.mounts != nil {
		return nil
	}
	proc, err := procfs.NewFS(filepath.Join(c.root, "proc"))
	if err != nil {
		return err
	}
	all, err := proc.GetMounts()
	if err != nil {
		return err
	}
	c.mounts = []cgroupMount{}
	for _, m := range all {
		mount := cgroupMount{top: unescape(m.Root), point: unescape(m.MountPoint)}
		switch m.FSType {
		case "cgroup":
			mount.version, mount.controllers = 1, m.SuperOptions
		case "cgroup2":
			mount.version = 2
		default:
			continue
		}
		c.mounts = append(c.mounts, mount)
	}
	return nil
}

// locate finds group on one of the fitting mounts; of several it takes the one that shows most of what is above.
//
// A group that is on none of them is taken to be the one that the mount point shows, as container runtimes mean it that
// mount a container's own group without giving it a cgroup namespace; a mount from outside the namespace (top "/..")
// shows a group above ours, whose limit holds as well.
func (c *cgroups) locate(group string, fits func(cgroupMount) bool) (tree, bool) {
	if outside(group) {
		return tree{}, false
	}
	best, below, found := cgroupMount{}, "", false
	for _, mount := range c.mounts {
		if !fits(mount) {
			continue
		}
		rest, ok := within(group, mount.top)
		switch {
		case ok && (below == "" || len(mount.top) < len(best.top)):
			best, below, found = mount, rest, true
		case !found:
			best, found = mount, true
		}
	}
	if !found {
		return tree{}, false
	}
	if below == "" {
		below = "/"
	}
	return tree{version: best.version, dir: filepath.Join(c.root, best.point), groups: upwards(below)}, true
}

// outside says whether the group lies outside of the cgroup namespace, which the kernel writes as "/../…".
func outside(group string) bool { return group == "/.." || strings.HasPrefix(group, "/../") }

// within is the path of group below top, starting with "/".
func within(group, top string) (string, bool) {
	if outside(top) {
		return "", false
	}
	rest, ok := strings.CutPrefix(path.Clean("/"+group), strings.TrimSuffix(top, "/"))
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return path.Clean("/" + rest), true
}

// upwards lists group and every group above it.
func upwards(group string) []string {
	groups := []string{group}
	for group != "/" {
		group = path.Dir(group)
		groups = append(groups, group)
	}
	return groups
}

// unescape undoes how the kernel writes blanks and backslashes in mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
