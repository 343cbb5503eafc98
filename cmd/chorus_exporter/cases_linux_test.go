package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// startInMounts starts the exporter with mounts of its own, which script makes, and skips where that is not allowed.
func startInMounts(t *testing.T, script, config string) *child {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	if out, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil {
		t.Skipf("unshare -m: %v: %s", err, out)
	}
	cmd := exec.Command("unshare", "-m", "sh", "-ec", "mount --make-rprivate /\n"+script+"\nexec \"$0\" \"$@\"",
		binary, "--web.listen-address=127.0.0.1:0", "--config.file="+config)
	cmd.SysProcAttr = endWithTest()
	return startCommand(t, cmd)
}

// A file system without free inodes, and one that was remounted read-only, are not healthy, though both have space.
func TestCaseInodesAndReadOnly(t *testing.T) {
	t.Parallel()
	full, readonly := t.TempDir(), t.TempDir()
	config := write(t, "chorus.yml", fmt.Sprintf("evaluation_interval: 1s\nchecks: {resource-health: {interval: 5s, timeout: 2s}}\n"+
		"disks: [{path: %s}, {path: %s, writable: true}]\n", full, readonly))
	c := startInMounts(t, fmt.Sprintf("mount -t tmpfs -o size=8m,nr_inodes=20 tmpfs %[1]s; for i in $(seq 30); do touch %[1]s/$i 2>/dev/null || break; done\n"+
		"mount -t tmpfs -o size=8m tmpfs %[2]s; mount -o remount,ro %[2]s", full, readonly), config)
	c.eventually("both are reported", func() bool {
		_, body := c.get("/health/checks/resource-health")
		return strings.Contains(body, full) && strings.Contains(body, readonly) && strings.Contains(body, "inodes")
	})
	c.eventually("it is degraded", func() bool {
		code, h := c.health("/health")
		return code == 200 && h.Status == "degraded" && !h.Checks["resource-health"].Healthy
	})
}

// A mount that vanishes is not replaced by the folder beneath it.
func TestCaseMountVanishes(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", ", mount: true"} {
		dir := t.TempDir()
		config := write(t, "chorus.yml", fmt.Sprintf("evaluation_interval: 1s\nchecks: {resource-health: {interval: 5s, timeout: 2s}}\n"+
			"disks: [{path: %s%s}]\n", dir, key))
		c := startInMounts(t, fmt.Sprintf("mount -t tmpfs -o size=8m tmpfs %[1]s; head -c 7800000 /dev/zero > %[1]s/f", dir), config)
		c.eventually("it is full", func() bool {
			_, h := c.health("/health")
			return h.Status == "degraded" && strings.Contains(h.Message, dir)
		})
		out, err := exec.Command("nsenter", "-t", strconv.Itoa(c.cmd.Process.Pid), "-m", "umount", "-l", dir).CombinedOutput()
		if err != nil {
			t.Fatalf("umount: %v: %s", err, out)
		}
		c.eventually("it is replaced", func() bool {
			_, h := c.health("/health")
			if h.Status == "healthy" {
				t.Fatalf("healthy after the mount is gone: %s", h.Message)
			}
			return strings.Contains(h.Message, "mount") || strings.Contains(h.Message, "file system")
		})
	}
}
