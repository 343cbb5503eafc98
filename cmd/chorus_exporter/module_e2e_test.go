//go:build e2e

package main

import (
	"archive/zip"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What make module writes can be published and fetched: it is put into a module proxy of files, and a program in an empty
// folder gets it from there and is the embedding of the docs.
func TestModule(t *testing.T) {
	const module, version = "example.org/you/chorus_exporter", "v0.1.0"
	tree, proxy, program := filepath.Join(t.TempDir(), "tree"), t.TempDir(), t.TempDir()
	command(t, ".", nil, "../../.ci/module", module, tree)
	publish(t, tree, proxy, module, version)

	docs, err := os.ReadFile(filepath.Join(tree, "docs/embedding.md"))
	noError(t, err)
	_, text, found := strings.Cut(string(docs), "```go\n")
	text, _, ended := strings.Cut(text, "```")
	if !found || !ended || !strings.Contains(text, `"`+module+`"`) {
		t.Fatalf("docs/embedding.md has no program that imports %s", module)
	}
	text = strings.ReplaceAll(text, `":8081"`, "os.Args[1]")
	text = strings.Replace(text, "import (", "import (\n\t\"os\"", 1)
	noError(t, os.WriteFile(filepath.Join(program, "main.go"), []byte(text), 0o600))

	// The cache is that of everybody, since the module needs what is in it; the module itself must not stay there.
	cache := strings.TrimSpace(command(t, ".", nil, "go", "env", "GOMODCACHE"))
	forget := func() {
		for _, dir := range []string{filepath.Join(cache, "example.org"), filepath.Join(cache, "cache/download/example.org")} {
			_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error { // what was fetched is read-only
				if err == nil && d.IsDir() {
					return os.Chmod(path, 0o700)
				}
				return err
			})
			noError(t, os.RemoveAll(dir))
		}
	}
	forget()
	t.Cleanup(forget)
	// Without an index: go takes a version in the cache for unchangeable, and this one is another with every test.
	env := append(os.Environ(), "GODEBUG=goindex=0", "GOFLAGS=-mod=mod", "GONOSUMDB=example.org", "GOPROXY=file://"+proxy+","+
		strings.TrimSpace(command(t, ".", nil, "go", "env", "GOPROXY")))
	command(t, program, env, "go", "mod", "init", "example.org/program")
	command(t, program, env, "go", "get", module+"@"+version)
	command(t, program, env, "go", "build", "-o", "program", ".")

	l, err := net.Listen("tcp", "127.0.0.1:0") // an address that is free
	noError(t, err)
	address := l.Addr().String()
	noError(t, l.Close())
	run := exec.CommandContext(t.Context(), filepath.Join(program, "program"), address)
	noError(t, run.Start())
	t.Cleanup(func() { _ = run.Wait() }) // the test's context has ended by then
	c := &child{t: t}
	c.eventually("the program answers that its database does not", func() bool {
		resp, err := http.Get("http://" + address + "/health")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusServiceUnavailable
	})
}

// publish puts the tree into a module proxy of files.
// https://go.dev/ref/mod#goproxy-protocol
func publish(t *testing.T, tree, proxy, module, version string) {
	t.Helper()
	dir := filepath.Join(proxy, module, "@v")
	noError(t, os.MkdirAll(dir, 0o700))
	mod, err := os.ReadFile(filepath.Join(tree, "go.mod"))
	noError(t, err)
	for name, content := range map[string]string{
		"list": version + "\n", version + ".mod": string(mod),
		version + ".info": fmt.Sprintf(`{"Version":%q,"Time":"2026-01-01T00:00:00Z"}`, version),
	} {
		noError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	file, err := os.Create(filepath.Join(dir, version+".zip"))
	noError(t, err)
	defer file.Close()
	w := zip.NewWriter(file)
	noError(t, filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != tree { // a module of its own is none of this one's files
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return filepath.SkipDir
			}
		}
		if !d.Type().IsRegular() {
			return nil
		}
		rel, err := filepath.Rel(tree, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		out, err := w.Create(module + "@" + version + "/" + filepath.ToSlash(rel))
		if err == nil {
			_, err = out.Write(content)
		}
		return err
	}))
	noError(t, w.Close())
}

// command runs a program and returns what it printed.
func command(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
