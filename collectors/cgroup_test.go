package collectors

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTree(t *testing.T) {
	for name, tt := range map[string]struct {
		files   files
		want    tree // dir without the root
		wantErr string
	}{
		"no control groups": {files: host.with(files{"proc/1/mountinfo": mountRoot})},
		"not mounted":       {files: member("0::/a\n", "")},
		"version 2": {
			files: member("0::/user.slice/a.scope\n", mountV2),
			want: tree{
				version: 2, dir: "/sys/fs/cgroup",
				groups: []string{"/user.slice/a.scope", "/user.slice", "/"},
			},
		},
		"version 2 in a cgroup namespace": {
			files: member("0::/\n", mountV2),
			want:  tree{version: 2, dir: "/sys/fs/cgroup", groups: []string{"/"}},
		},
		"version 2 outside of the cgroup namespace": {files: member("0::/../../other\n", mountV2)},
		"version 2, mounted from outside of the namespace": {
			files: member("0::/\n", strings.Replace(mountV2, " / /sys", " /../.. /sys", 1)),
			want:  tree{version: 2, dir: "/sys/fs/cgroup", groups: []string{"/"}},
		},
		"version 1": {
			files: member("7:pids:/p\n4:memory:/docker/abc\n", mountMemoryV1),
			want: tree{
				version: 1, dir: "/sys/fs/cgroup/memory",
				groups: []string{"/docker/abc", "/docker", "/"},
			},
		},
		"version 1, the container's own group mounted": {
			files: member("4:memory:/docker/abc\n", strings.Replace(mountMemoryV1, " / /sys", " /docker/abc /sys", 1)),
			want:  tree{version: 1, dir: "/sys/fs/cgroup/memory", groups: []string{"/"}},
		},
		"version 1, a group below the mounted one": {
			files: member("4:memory:/docker/abc/sub\n", strings.Replace(mountMemoryV1, " / /sys", " /docker/abc /sys", 1)),
			want:  tree{version: 1, dir: "/sys/fs/cgroup/memory", groups: []string{"/sub", "/"}},
		},
		"version 1, a similar name is not a parent": {
			files: member("4:memory:/docker/abcd\n", strings.Replace(mountMemoryV1, " / /sys", " /docker/abc /sys", 1)),
			want:  tree{version: 1, dir: "/sys/fs/cgroup/memory", groups: []string{"/"}},
		},
		"version 1, the mount that shows more wins": {
			files: member("4:memory:/docker/abc\n",
				strings.Replace(mountMemoryV1, " / /sys", " /docker/abc /sys", 1)+
					strings.Replace(mountMemoryV1, "/sys", "/host/sys", 1)),
			want: tree{
				version: 1, dir: "/host/sys/fs/cgroup/memory",
				groups: []string{"/docker/abc", "/docker", "/"},
			},
		},
		"hybrid, memory in version 1": {
			files: member("4:memory:/a\n1:name=systemd:/s\n0::/s\n", mountMemoryV1+mountUnified),
			want:  tree{version: 1, dir: "/sys/fs/cgroup/memory", groups: []string{"/a", "/"}},
		},
		"hybrid, memory in version 2": {
			files: member("1:cpu,cpuacct:/a\n0::/s\n", mountCPUV1+mountUnified),
			want:  tree{version: 2, dir: "/sys/fs/cgroup/unified", groups: []string{"/s", "/"}},
		},
		"blanks in a mount point": {
			files: member("0::/\n", strings.Replace(mountV2, "/sys/fs/cgroup", `/my\040groups\134x`, 1)),
			want:  tree{version: 2, dir: `/my groups\x`, groups: []string{"/"}},
		},
		"a colon in a group": {
			files: member("0::/a:b\n", mountV2),
			want:  tree{version: 2, dir: "/sys/fs/cgroup", groups: []string{"/a:b", "/"}},
		},
		"malformed cgroup":    {files: member("memory\n", mountV2), wantErr: "read /proc/self/cgroup: "},
		"malformed mountinfo": {files: member("0::/\n", "rubbish\n"), wantErr: "read /proc/self/mountinfo: "},
	} {
		t.Run(name, func(t *testing.T) {
			root := tt.files.root(t)
			got, err := (&cgroups{root: root}).tree("memory")
			if !matches(err, tt.wantErr) {
				t.Fatalf("error %v, want %q", err, tt.wantErr)
			}
			if tt.want.dir != "" {
				tt.want.dir = filepath.Join(root, tt.want.dir)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(tree{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// matches says whether err is what want says: none for "", else one that contains it.
func matches(err error, want string) bool {
	if want == "" {
		return err == nil
	}
	return err != nil && strings.Contains(err.Error(), want)
}

// FuzzTree writes the two files a tree is found by. Whatever they hold, every group lies below the mount point.
func FuzzTree(f *testing.F) {
	f.Add("4:memory:/docker/abc\n0::/\n", mountMemoryV1+mountUnified)
	f.Add("0::/../../x\n", mountV2)
	f.Add("0::/a/../../..\n", mountV2)
	f.Add("4:memory:/a (deleted)\n", strings.Replace(mountMemoryV1, " / /sys", " /.. /sys", 1))
	f.Add("", "")
	root := host.root(f)
	f.Fuzz(func(t *testing.T, cgroup, mountinfo string) {
		files{"proc/1/cgroup": cgroup, "proc/1/mountinfo": mountinfo}.write(t, root)
		for _, controller := range []string{"memory", "cpu", "cpuacct"} {
			got, err := (&cgroups{root: root}).tree(controller)
			if err != nil || got.version == 0 {
				if len(got.groups) > 0 {
					t.Fatalf("groups %q with error %v and version %d", got.groups, err, got.version)
				}
				continue
			}
			if len(got.groups) == 0 || got.groups[len(got.groups)-1] != "/" {
				t.Fatalf("groups %q do not end with /", got.groups)
			}
			for _, group := range got.groups {
				if filepath.Clean(group) != group || group[0] != '/' || outside(group) {
					t.Fatalf("group %q is not clean", group)
				}
			}
		}
	})
}
