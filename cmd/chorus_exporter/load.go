package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/common/version"

	"chorus/rules"
)

// loaded is a configuration file, decoded over the defaults and checked as far as it can be without the rules.
type loaded struct {
	Config
	decoder
	shipped map[string]Check // what the defaults say about checks: the names of the shipped rule checks
	dir     string           // what relative paths in the file are relative to
	warned  []problem        // warnings about the databases
}

// loadConfig reads the file. Without a name it is the defaults. What is wrong with its content is collected in it; the
// error says that there is none.
func loadConfig(file string) (*loaded, error) {
	c, err := parseDefaults()
	if err != nil {
		return nil, err
	}
	if file != "" {
		data, err := readBounded(file, maxConfigSize+1)
		if err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
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
	c := &loaded{dir: "."}
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
	c.check()
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
		case err != nil:
			c.add(c.line(field), field, "%q is no pattern: %v; close its brackets", pattern, err)
		case len(matches) == 0:
			c.add(c.line(field), field, "%q matches no file; paths are relative to the folder of this file", pattern)
		}
		files = append(files, matches...)
	}
	c.RuleFiles = files
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

// readBounded is the content of a file, cut off after limit bytes.
func readBounded(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit))
	return data, errors.Join(err, f.Close())
}
