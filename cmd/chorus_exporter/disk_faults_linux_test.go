package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const watchDisk = `evaluation_interval: 200ms
checks: {resource-health: {interval: 300ms, timeout: 200ms}}
resources: {cpu: off, memory: off}
`

// mounted is an exporter with mounts of its own.
type mounted struct{ *child }

// startIn runs a script in new mounts and then the exporter, with the disks in its configuration. It skips where that is
// not allowed.
func startIn(t *testing.T, script, disks string) mounted {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root for mounts of its own")
	}
	for _, tool := range []string{"unshare", "nsenter", "mount", "umount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	if out, err := exec.Command("unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("cannot mount here: %v: %s", err, out)
	}
	file := write(t, "chorus.yml", watchDisk+"disks: "+disks+"\n")
	return mounted{startCommand(t, exec.Command("unshare", "-m", "--propagation=private", "sh", "-ec", script+"\nexec \"$@\"",
		"sh", binary, "--web.listen-address=127.0.0.1:0", "--config.file="+file))}
}

// run runs a script in the mounts of the exporter.
func (m mounted) run(script string) {
	m.t.Helper()
	pid := strconv.Itoa(m.cmd.Process.Pid)
	if out, err := exec.Command("nsenter", "-m", "-t", pid, "sh", "-ec", script).CombinedOutput(); err != nil {
		m.t.Fatalf("%s: %v: %s", script, err, out)
	}
}

// says waits until /health has the status and a message with that text.
func (m mounted) says(status, text string) {
	m.t.Helper()
	var h health
	m.eventually(status+": "+text, func() bool {
		_, h = m.health("/health")
		return h.Status == status && strings.Contains(h.Message, text)
	})
}

// A file system that is unmounted leaves the folder beneath, which has room: that is not health.
func TestMountVanishes(t *testing.T) {
	dir := t.TempDir()
	m := startIn(t, "mount -t tmpfs -o size=8m tmpfs "+dir+"; head -c 7800000 /dev/zero > "+dir+"/f", "[{path: "+dir+"}]")
	m.says("degraded", dir+" is 93")
	m.run("umount -l " + dir)
	m.says("degraded", dir+" is not mounted")
	m.run("mount -t tmpfs -o size=8m tmpfs " + dir)
	m.says("degraded", dir+" is on another file system")
	m.signal(syscall.SIGHUP)
	m.says("healthy", "")
	m.run("umount -l " + dir + "; rmdir " + dir)
	m.eventually("the reason is there", func() bool {
		return m.metric(`chorus_resource_unreadable{path="`+dir+`",reason="no_such_file",resource="disk"}`) == "1"
	})
	if got := m.metric(`chorus_resource_disk_utilization_ratio{path="` + dir + `"}`); got != "NaN" {
		t.Errorf("the path that is gone has %q, want NaN", got)
	}
}

// No file can be created where no inode is left, and none on what is read-only.
func TestInodesAndReadOnly(t *testing.T) {
	ino, ro := filepath.Join(t.TempDir(), "ino"), filepath.Join(t.TempDir(), "ro")
	m := startIn(t, "mkdir "+ino+" "+ro+"; mount -t tmpfs -o size=8m,nr_inodes=20 tmpfs "+ino+"; mount -t tmpfs -o size=8m tmpfs "+ro,
		"[{path: "+ino+"}, {path: "+ro+"}]")
	m.says("healthy", "")
	m.run("for i in $(seq 30); do touch " + ino + "/$i || break; done")
	m.says("degraded", ino+" has used 100% of its inodes")
	m.run("rm " + ino + "/*")
	m.says("healthy", "")
	m.run("mount -o remount,ro " + ro)
	m.says("degraded", ro+" is read-only")
	m.signal(syscall.SIGHUP)
	m.eventually("the reload is done", func() bool { return strings.Contains(m.log.String(), "Configuration reloaded") })
	m.says("degraded", ro+" is read-only")
	m.run("mount -o remount,rw " + ro)
	m.says("healthy", "")
}

// What is read-only from the start, as in a container, is not a fault unless it should be writable.
func TestReadOnlyFromTheStart(t *testing.T) {
	dir := t.TempDir()
	mount := "mount -t tmpfs tmpfs " + dir + "; mount -o remount,ro " + dir
	startIn(t, mount, "[{path: "+dir+"}]").says("healthy", "")
	startIn(t, mount, "[{path: "+dir+", writable: true}]").says("degraded", dir+" is read-only")
}

// A path that must be a mount point and is none is a fault from the start, until it is mounted.
func TestMountedLater(t *testing.T) {
	dir := t.TempDir()
	m := startIn(t, ":", "[{path: "+dir+", mount: true}]")
	m.says("degraded", dir+" is not mounted")
	m.run("mount -t tmpfs tmpfs " + dir)
	m.says("healthy", "")
}
