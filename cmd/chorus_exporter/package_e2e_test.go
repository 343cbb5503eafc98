//go:build e2e && linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The Debian package as it would be installed: what is in it, and that the exporter starts from it by the unit's own
// command line. Nothing is installed, and no service manager runs.
func TestDebianPackage(t *testing.T) {
	file := packageFile(t, "*.deb")
	checkFiles(t, printed(t, "dpkg-deb", "dpkg", "-c", file))
	conffiles := strings.Fields(printed(t, "dpkg-deb", "dpkg", "-I", file, "conffiles"))
	if want := []string{"/etc/chorus_exporter/chorus.yml", "/etc/default/chorus_exporter"}; !slices.Equal(conffiles, want) {
		t.Errorf("conffiles %q, want %q", conffiles, want)
	}
	for _, script := range []string{"postinst", "postrm"} {
		checkScript(t, printed(t, "dpkg-deb", "dpkg", "-I", file, script))
	}
	root := t.TempDir()
	printed(t, "dpkg-deb", "dpkg", "-x", file, root)
	u := readUnit(t, filepath.Join(root, "usr/lib/systemd/system/chorus_exporter.service"))
	t.Run("start", func(t *testing.T) { startUnit(t, root, u) })
	t.Run("reload", func(t *testing.T) { reloadUnit(t, root, u) })
	t.Run("unit", func(t *testing.T) { verifyUnit(t, root) })
}

// The package for Red Hat has the same files, owners and scripts.
func TestRedHatPackage(t *testing.T) {
	file := packageFile(t, "*.rpm")
	checkFiles(t, printed(t, "rpm", "rpm", "-qplv", file))
	if got := strings.Fields(printed(t, "rpm", "rpm", "-qpc", file)); len(got) != 2 {
		t.Errorf("configuration files %q, want the two in /etc", got)
	}
	checkScript(t, printed(t, "rpm", "rpm", "-qp", "--scripts", file))
}

// packageFile is the package that make package has built. Where there is none the test is skipped, in CI it fails.
func packageFile(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../../bin", pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 {
		lacking(t, "found %d packages %s: run make package", len(files), pattern)
	}
	return files[0]
}

// printed runs a program of a Debian package and is what it prints.
func printed(t *testing.T, name, from string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		lacking(t, "%s is missing: install the package %s", name, from)
	}
	cmd := exec.Command(name, args...)
	var errs output
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, errs.String())
	}
	return string(out)
}

// checkFiles reads a listing as ls and tar write it: all is root's, only the program may be executed, nobody else may
// write, and everything that pages and the unit name is there.
func checkFiles(t *testing.T, listing string) {
	t.Helper()
	var files []string
	for line := range strings.Lines(listing) {
		fields := strings.Fields(line)
		mode, path := fields[0], strings.TrimPrefix(fields[len(fields)-1], ".")
		if !regexp.MustCompile(`\s(root/root|1 root +root)\s`).MatchString(line) {
			t.Errorf("not root's: %s", line)
		}
		want := "-rw-r--r--"
		switch {
		case strings.HasSuffix(path, "/"):
			want = "drwxr-xr-x"
		case path == "/usr/bin/chorus_exporter":
			want = "-rwxr-xr-x"
		}
		if mode != want {
			t.Errorf("%s has mode %s, want %s", path, mode, want)
		}
		files = append(files, path)
	}
	const share, doc = "/usr/share/chorus_exporter/", "/usr/share/doc/chorus_exporter/"
	for _, path := range []string{
		"/usr/bin/chorus_exporter", "/usr/lib/systemd/system/chorus_exporter.service",
		"/etc/chorus_exporter/chorus.yml", "/etc/default/chorus_exporter",
		share + "alerts/health.rules.yml", share + "dashboards/chorus-fleet.json", share + "rules/status.rules.yml",
		share + "systemd/database-password.conf", share + "systemd/signal-hook.conf",
		doc + "configuration.md", doc + "runbooks/README.md", doc + "copyright", doc + "examples/minimal.yml",
		doc + "examples/own-rules.yml", doc + "examples/rules/disk-trend.rules.yml", doc + "examples/prometheus/prometheus.yml",
	} {
		if !slices.Contains(files, path) {
			t.Errorf("%s is not in the package", path)
		}
	}
}

// checkScript reads an installation script: systemd reads its units again where it runs, and nothing else happens.
func checkScript(t *testing.T, script string) {
	t.Helper()
	if !strings.Contains(script, "systemctl daemon-reload") || strings.Count(script, "systemctl") != strings.Count(script, "daemon-reload") {
		t.Errorf("the script does something else than systemctl daemon-reload:\n%s", script)
	}
}

// unit is what a unit's section Service says, every key with all its values.
type unit map[string][]string

func readUnit(t *testing.T, file string) unit {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	u := unit{}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			u[key] = append(u[key], value)
		}
	}
	return u
}

// command is a command line of the unit, with the paths below root and $ARGS replaced.
func (u unit) command(line, root string, args ...string) []string {
	var words []string
	for word := range strings.FieldsSeq(line) {
		switch {
		case word == "$ARGS":
			words = append(words, args...)
		case strings.HasPrefix(word, "/"):
			words = append(words, filepath.Join(root, word))
		default:
			words = append(words, strings.Replace(word, "=/", "="+root+"/", 1))
		}
	}
	return words
}

// startUnit starts what the unit starts, with one more flag, as /etc/default/chorus_exporter would have it.
func startUnit(t *testing.T, root string, u unit) {
	const args = "--web.listen-address=127.0.0.1:0"
	if env := u["EnvironmentFile"]; len(env) != 1 || env[0] != "-/etc/default/chorus_exporter" {
		t.Errorf("EnvironmentFile=%q, want the file of the package", env)
	}
	if len(u["ExecStart"]) != 1 || !strings.HasSuffix(u["ExecStart"][0], " $ARGS") {
		t.Fatalf("ExecStart=%q, want one that ends with $ARGS", u["ExecStart"])
	}
	words := u.command(u["ExecStart"][0], root, args)
	c := startCommand(t, exec.Command(words[0], words[1:]...))
	c.eventually("it has a verdict", func() bool { _, h := c.health("/health"); return h.Status != "starting" })
	c.signal(syscall.SIGTERM)
	if code := c.exit(); code != exitOK {
		t.Errorf("exit code %d, want %d", code, exitOK)
	}
}

// reloadUnit runs what a reload runs first: it fails on a configuration with a fault.
func reloadUnit(t *testing.T, root string, u unit) {
	if len(u["ExecReload"]) != 2 || u["ExecReload"][1] != "/bin/kill -HUP $MAINPID" {
		t.Fatalf("ExecReload=%q, want a check and a SIGHUP", u["ExecReload"])
	}
	check := func() error {
		words := u.command(u["ExecReload"][0], root)
		return exec.Command(words[0], words[1:]...).Run()
	}
	if err := check(); err != nil {
		t.Errorf("the configuration of the package is refused: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, "etc/chorus_exporter/chorus.yml"), []byte("nonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := check(); err == nil {
		t.Error("a configuration with a fault is taken")
	}
}

// maxExposure is ten times the most that `systemd-analyze security` may find.
const maxExposure = "18"

// verifyUnit has systemd itself read the unit with everything that may be laid over it, and judge what it gives up. That
// needs no running systemd.
func verifyUnit(t *testing.T, root string) {
	const name = "chorus_exporter.service"
	data, err := os.ReadFile(filepath.Join(root, "usr/lib/systemd/system", name))
	if err != nil {
		t.Fatal(err)
	}
	// The program is looked for where this test has unpacked it.
	text := strings.ReplaceAll(string(data), "=/usr/bin/", "="+root+"/usr/bin/")
	dir := t.TempDir()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	over, err := filepath.Glob(filepath.Join(root, "usr/share/chorus_exporter/systemd/*.conf"))
	if err != nil || len(over) == 0 {
		t.Fatalf("found no files to lay over the unit (%v)", err)
	}
	copyRoom(t, filepath.Dir(over[0]), filepath.Join(dir, name+".d"), nil)
	verify := func() string {
		// Its exit code is no verdict on what it only warns of.
		out, err := exec.Command("systemd-analyze", "verify", "--man=no", file).CombinedOutput()
		if err != nil && len(out) == 0 {
			t.Fatal(err)
		}
		return string(out)
	}
	printed(t, "systemd-analyze", "systemd", "--version")
	if out := verify(); out != "" {
		t.Error(out)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".d", "fault.conf"), []byte("[Service]\nNonsense=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := verify(); !strings.Contains(out, "Nonsense") {
		t.Errorf("an unknown key is taken: %q", out)
	}
	printed(t, "systemd-analyze", "systemd", "security", "--offline=true", "--threshold="+maxExposure, "--no-pager", file)
}
