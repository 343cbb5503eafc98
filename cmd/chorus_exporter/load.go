package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/common/version"

	"chorus/collectors"
	"chorus/probes/sql/dsn"
	"chorus/rules"
)

// loaded is a configuration file, decoded over the defaults and checked as far as it can be without the rules.
type loaded struct {
	Config
	decoder
	shipped map[string]Check // what the defaults say about checks: the names of the shipped rule checks
	dir     string           // what relative paths in the file are relative to
	paths   *collectors.PathCheck
	warned  []problem // warnings about the databases
}

// loadConfig reads the file. Without a name it is the defaults. What is wrong with its content is collected in it; the
// error says that there is none.
func loadConfig(file string) (*loaded, error) {
	c, err := parseDefaults()
	if err != nil {
		return nil, err
	}
	if file != "" {
		data, err := readConfig(file)
		if err != nil {
			return nil, fmt.Errorf("--config.file=%s: %w; name a YAML file that the exporter may read", file, dsn.Pathless(err))
		}
		c.parse(file, data)
	}
	c.expandRuleFiles()
	if err := c.settle(); err != nil {
		return nil, err
	}
	return c, nil
}

// parseDefaults is the configuration that every file is laid over.
func parseDefaults() (*loaded, error) {
	c := &loaded{dir: ".", paths: &collectors.PathCheck{}}
	d := decoder{problems: problems{file: "defaults.yml"}, lines: map[string]int{}, defaults: true}
	d.decode(rules.Defaults(), &c.Config)
	if err := d.err(); err != nil {
		return nil, fmt.Errorf("parse the embedded defaults: %w", err)
	}
	c.shipped = maps.Clone(c.Checks)
	c.decoder = decoder{lines: map[string]int{}}
	return c, nil
}

// parse lays data, the content of file, over the defaults and checks the result.
func (c *loaded) parse(file string, data []byte) {
	c.file, c.dir = file, filepath.Dir(file)
	c.decode(data, &c.Config)
	if c.garbled {
		c.checkRest()
		return
	}
	c.check()
}

// checkRest checks what could be read of a garbled file, as far as its faults cannot follow from what is missing.
func (c *loaded) checkRest() {
	if len(c.lost) == 0 {
		return // nothing was read
	}
	known := len(c.list)
	c.check()
	found := slices.Clone(c.list[known:])
	c.list = c.list[:known]
	for _, p := range found {
		switch key, _, _ := strings.Cut(strings.ReplaceAll(p.field, "[", "."), "."); key {
		case "checks", "disable", "disks", "election", "shutdown", "p2p": // judged by what stands elsewhere too
		default:
			c.list = append(c.list, p)
		}
	}
}

// settle fills in what only this machine knows.
func (c *loaded) settle() error {
	if c.NodeID == "" && !c.joins() { // in a cluster it is the peer id
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("find the hostname, which is the default of node_id: %w", err)
		}
		c.NodeID = host
	}
	if c.Version == "" {
		c.Version = version.Version
	}
	if c.Version == "" { // built without a version
		c.Version = "unknown"
	}
	return nil
}

// expandRuleFiles replaces the patterns of rule_files by the files that they match.
func (c *loaded) expandRuleFiles() {
	var files []string
	for i, pattern := range c.RuleFiles {
		field := fmt.Sprintf("rule_files[%d]", i)
		matches, err := filepath.Glob(c.path(pattern))
		switch {
		case pattern == "":
			c.add(c.line(field), field, "empty; name a rule file, or remove the entry")
			continue
		case err != nil:
			c.add(c.line(field), field, "invalid pattern %q: %v; close its brackets", pattern, err)
		case len(matches) == 0:
			c.add(c.line(field), field, "%s", noMatch(pattern, c.path(pattern)))
		}
		files = append(files, matches...)
	}
	c.RuleFiles = files
}

// noMatch returns why a pattern of rule_files matches nothing: filepath.Glob keeps quiet about what it cannot read.
func noMatch(pattern, path string) string {
	_, err := os.Lstat(path)
	if err == nil {
		return fmt.Sprintf("%q matches no file, though one has this name: write \\[, \\* or \\? for a plain [, * or ?", pattern)
	}
	if strings.ContainsAny(pattern, `*?[\`) {
		_, err = os.ReadDir(filepath.Dir(path))
	}
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("%q cannot be read: %v", pattern, dsn.Pathless(err))
	case filepath.IsAbs(pattern):
		return fmt.Sprintf("%q matches no file", pattern)
	}
	return fmt.Sprintf("%q matches no file; paths are relative to the directory of this file", pattern)
}

// path is p seen from the folder of the configuration file.
func (c *loaded) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.dir, p)
}

// line is where the file sets field, or else what the field stands in; 0 when it sets neither.
func (c *loaded) line(field string) int {
	for field != "" {
		if line, ok := c.lines[field]; ok {
			return line
		}
		field = field[:max(0, strings.LastIndexAny(field, ".["))]
	}
	return 0
}

// pipeTimeout bounds how long a pipe that is the configuration file is waited for.
const pipeTimeout = 5 * time.Second

// readConfig returns the content of a configuration file, which may be a pipe that a program writes to.
func readConfig(file string) (data []byte, err error) {
	info, err := os.Stat(file)
	if err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return readBounded(file, maxConfigSize+1)
	}
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.SetReadDeadline(time.Now().Add(pipeTimeout)); err != nil {
		return nil, err
	}
	data, err = io.ReadAll(io.LimitReader(f, maxConfigSize+1))
	if err == nil && len(data) == 0 {
		err = &fs.PathError{Op: "read", Path: file, Err: errors.New("a pipe that nothing was written to")}
	}
	return data, err
}

// readBounded returns the content of a regular file, cut off after limit bytes. It does not wait for a pipe.
func readBounded(file string, limit int64) (data []byte, err error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: file, Err: errors.New("not a regular file")}
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, limit))
}
