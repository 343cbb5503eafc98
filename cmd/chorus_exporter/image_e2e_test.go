//go:build e2e && linux

package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// image is what the Dockerfile says of the final image.
type image struct {
	entrypoint, user string
}

func readDockerfile(t *testing.T) image {
	t.Helper()
	data, err := os.ReadFile("../../deploy/docker/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, final, found := strings.Cut(string(data), "\nFROM scratch\n")
	if !found {
		t.Fatal("the final image does not begin with FROM scratch")
	}
	one := func(pattern string) string {
		m := regexp.MustCompile(`(?m)^`+pattern+`$`).FindAllStringSubmatch(final, -1)
		if len(m) != 1 {
			t.Fatalf("the final image has %d lines %s, want 1", len(m), pattern)
		}
		return m[0][1]
	}
	var command []string
	if err := json.Unmarshal([]byte(one(`ENTRYPOINT (\[.*\])`)), &command); err != nil || len(command) != 1 {
		t.Fatalf("the entry point is %q (%v), want one program", command, err)
	}
	if to := one(`COPY --from=build /src/bin/chorus_exporter (/\S+)`); to != command[0] {
		t.Fatalf("the program is copied to %s, and %s is started", to, command[0])
	}
	return image{entrypoint: command[0], user: one(`USER (\d+:\d+)`)}
}

// buildImage makes the binary as the build stage does, from the files that .dockerignore lets in alone.
func buildImage(t *testing.T) (binary string) {
	t.Helper()
	context := t.TempDir()
	data, err := os.ReadFile("../../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	var rooms, dropped []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if room, ok := strings.CutPrefix(line, "!"); ok {
			rooms = append(rooms, room)
		} else if name, ok := strings.CutPrefix(line, "**/"); ok {
			dropped = append(dropped, name)
		}
	}
	for _, room := range rooms {
		matches, err := filepath.Glob(filepath.Join("../..", room))
		if err != nil || len(matches) == 0 {
			t.Fatalf("%s of .dockerignore lets in %v, %v", room, matches, err)
		}
		for _, from := range matches {
			rel, err := filepath.Rel("../..", from)
			noError(t, err)
			copyRoom(t, from, filepath.Join(context, rel), dropped)
		}
	}
	build := exec.Command("make", "build", "VERSION=image", "REVISION=image", "BRANCH=image")
	build.Dir = context
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build from what .dockerignore lets in: %v\n%s", err, out)
	}
	return filepath.Join(context, "bin", program)
}

// copyRoom copies a file or a folder, but for the names that match one of dropped.
func copyRoom(t *testing.T, from, to string, dropped []string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.ContainsFunc(dropped, func(pattern string) bool {
			match, err := filepath.Match(pattern, entry.Name())
			return err == nil && match
		}) {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The image without a container engine: the binary in a root of its own that holds nothing else, as a user without a
// name, nothing to write, with /proc and without. It answers, reaches a database by TCP and stops in order.
func TestImage(t *testing.T) {
	if os.Getuid() != 0 {
		lacking(t, "only root can change the root directory")
	}
	img := readDockerfile(t)
	built := buildImage(t)
	db := newPostgres(t)
	db.start()
	for _, mounts := range []string{"none", "proc"} {
		t.Run(mounts, func(t *testing.T) {
			root := imageRoot(t, built, img.entrypoint, "databases: [{driver: postgres, dsn: '"+db.dsn()+"'}]\n"+
				"shutdown: {drain_delay: 100ms}\nchecks: {database-connectivity: {interval: 1s, timeout: 900ms}}\n")
			c := startCommand(t, img.command(mounts, root,
				"--web.listen-address=127.0.0.1:0", "--config.file=/etc/chorus_exporter/chorus.yml"))
			c.eventually("the database was asked", func() bool {
				_, h := c.health("/health")
				return h.Checks["database-connectivity"].State == "ok"
			})
			// Without /proc nobody measures the machine, and the exporter does not take that for health.
			if mounts == "proc" {
				c.eventually("the machine is measured", func() bool { return !c.unmeasured() })
			} else if memory := c.metric("chorus_resource_memory_utilization_ratio"); memory != "" || !c.unmeasured() {
				t.Errorf("without /proc memory is %q, and resource-health measured: %v", memory, !c.unmeasured())
			}
			if v := c.metric(`chorus_health_check_healthy{check_name="database-connectivity"}`); v != "1" {
				t.Errorf("/metrics says that the database's last run was %q, want 1", v)
			}
			if code, _ := c.get("/health/live"); code != 200 {
				t.Errorf("/health/live = %d, want 200", code)
			}
			c.signal(syscall.SIGTERM)
			if code := c.exit(); code != exitOK {
				t.Errorf("exit code %d, want %d", code, exitOK)
			}
			if files := filesIn(t, root); len(files) != 2 {
				t.Errorf("it left files: %q", files)
			}
		})
	}
}

// unmeasured reports whether the resources of the machine are not known and the status is not healthy for it.
func (c *child) unmeasured() bool {
	c.t.Helper()
	_, h := c.health("/health")
	return h.Checks["resource-health"].State == "unknown" && h.Status != "healthy"
}

// imageRoot is a root directory with the binary and a configuration, which nobody but root can write to.
func imageRoot(t *testing.T, built, entrypoint, config string) string {
	t.Helper()
	root, err := os.MkdirTemp("", "chorus-image") // the parent of t.TempDir is for its owner only
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	program, err := os.ReadFile(built)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"proc", "etc/chorus_exporter", filepath.Dir(entrypoint)} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for file, content := range map[string][]byte{entrypoint: program, "etc/chorus_exporter/chorus.yml": []byte(config)} {
		if err := os.WriteFile(filepath.Join(root, file), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

// command starts the image's program in root as the image's user. Mounts are the process's own and end with it.
func (i image) command(mounts, root string, args ...string) *exec.Cmd {
	const script = `
		if [ "$1" = proc ]; then mount -t proc proc "$2/proc"; fi
		user=$3 root=$2
		shift 3
		exec chroot --groups= --userspec="$user" "$root" "$@"`
	cmd := exec.Command("unshare", append([]string{"--mount", "sh", "-ec", script, "sh", mounts, root, i.user, i.entrypoint}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	return cmd
}

// filesIn are the files below a folder; what is mounted there is of others.
func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
