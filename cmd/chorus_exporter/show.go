package main

import (
	"bytes"
	"fmt"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"chorus/rules"
)

// show is the configuration in force as YAML: every default filled in, every check listed, secrets redacted. Where no
// secret is, it is a configuration file again.
func (c *loaded) show(set *rules.Set) ([]byte, error) {
	out := c.Config
	out.CheckDefaults, out.Disable = nil, nil // both are in checks now
	out.Checks = map[string]Check{}
	for _, d := range c.Databases {
		out.Checks[d.Name] = c.effective(d.Name)
	}
	for _, check := range ruleChecks(set) {
		out.Checks[check.Name] = c.effective(check.Name)
	}
	for name := range swarmChecks() {
		if c.isSwarmProbe(name) {
			out.Checks[name] = c.effective(name)
		}
	}
	if !c.joins() {
		out.P2P = P2P{}
	}
	for _, file := range []*string{&out.P2P.IdentityFile, &out.P2P.PSKFile} {
		if *file != "" {
			*file = absolute(*file)
		}
	}
	if !c.observes() {
		out.Election = Election{}
	}
	out.Shutdown = c.Shutdown.shown(c.guarded())
	out.RuleFiles = nil
	for _, file := range c.RuleFiles {
		out.RuleFiles = append(out.RuleFiles, absolute(file))
	}
	out.Databases = nil
	for _, d := range c.Databases {
		if d.PasswordFile != "" {
			d.PasswordFile = absolute(d.PasswordFile)
		}
		out.Databases = append(out.Databases, d)
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(out); err != nil {
		return nil, fmt.Errorf("write the configuration in force: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("write the configuration in force: %w", err)
	}
	return b.Bytes(), nil
}

// absolute is the path as any program understands it, whatever folder it runs in.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
