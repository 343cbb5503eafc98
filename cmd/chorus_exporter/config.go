package main

import (
	"time"

	"github.com/prometheus/common/model"
)

// Config is a whole configuration file. Its defaults are not here but in rules/defaults.yml, over which a file is laid.
type Config struct {
	NodeID             string               `yaml:"node_id"`
	Version            string               `yaml:"version"`
	EvaluationInterval model.Duration       `yaml:"evaluation_interval"`
	StartupTimeout     model.Duration       `yaml:"startup_timeout"`
	StallTimeout       model.Duration       `yaml:"stall_timeout"`
	RuleFiles          []string             `yaml:"rule_files,omitempty"`
	Disable            []string             `yaml:"disable,omitempty"`
	Components         map[string]Component `yaml:"components,omitempty"`
	Thresholds         Thresholds           `yaml:"thresholds"`
	History            History              `yaml:"history"`
	CheckDefaults      map[string]Check     `yaml:"check_defaults,omitempty"` // only in the embedded defaults
	Checks             map[string]Check     `yaml:"checks"`
	Databases          []Database           `yaml:"databases,omitempty"`
	Disks              []Disk               `yaml:"disks"`
	Resources          Resources            `yaml:"resources"`
	P2P                P2P                  `yaml:"p2p,omitempty"`
	Election           Election             `yaml:"election,omitempty"` // in force if the file has the key, see observes
	Shutdown           Shutdown             `yaml:"shutdown"`
}

// Component says what a component weighs in the system score.
type Component struct {
	Weight *float64 `yaml:"weight,omitempty"` // nil: 1, which the rules assume
	Key    bool     `yaml:"key,omitempty"`
}

// Thresholds are the limits of the system score, and the failures in a row after which a probe's check fails.
type Thresholds struct {
	Healthy         float64 `yaml:"healthy"`
	Degraded        float64 `yaml:"degraded"`
	MaxFailedProbes int     `yaml:"max_failed_probes"`
}

// History bounds what is kept of each check.
type History struct {
	MaxEntries      int            `yaml:"max_entries"`
	CleanupInterval model.Duration `yaml:"cleanup_interval"`
}

// Check is what can be set for a check by name. A nil field keeps the default of the check's kind.
type Check struct {
	Enabled          *bool           `yaml:"enabled,omitempty"`
	Interval         *model.Duration `yaml:"interval,omitempty"`
	Timeout          *model.Duration `yaml:"timeout,omitempty"`
	Critical         *bool           `yaml:"critical,omitempty"`
	FailureThreshold *int            `yaml:"failure_threshold,omitempty"`
}

// Database is a database that a probe queries. It is comparable: two equal values are served by one pool.
type Database struct {
	Name         string `yaml:"name"`
	Driver       string `yaml:"driver"`
	DSN          Secret `yaml:"dsn"`
	PasswordFile string `yaml:"password_file,omitempty"`
	PasswordEnv  string `yaml:"password_env,omitempty"`
	Query        string `yaml:"query"`
	MaxOpenConns int    `yaml:"max_open_conns"`
}

// Disk is a file system that is watched, named by a path on it.
type Disk struct {
	Path string `yaml:"path"`
}

// Resources are the utilizations, from 0 to 1, over which a resource is reported.
type Resources struct {
	CPU    float64 `yaml:"cpu"`
	Memory float64 `yaml:"memory"`
	Disk   float64 `yaml:"disk"`
}

// over is c with every field that o sets replaced.
func (c Check) over(o Check) Check {
	if o.Enabled != nil {
		c.Enabled = o.Enabled
	}
	if o.Interval != nil {
		c.Interval = o.Interval
	}
	if o.Timeout != nil {
		c.Timeout = o.Timeout
	}
	if o.Critical != nil {
		c.Critical = o.Critical
	}
	if o.FailureThreshold != nil {
		c.FailureThreshold = o.FailureThreshold
	}
	return c
}

func (c Check) enabled() bool           { return c.Enabled == nil || *c.Enabled }
func (c Check) interval() time.Duration { return duration(c.Interval) }
func (c Check) timeout() time.Duration  { return duration(c.Timeout) }

func duration(d *model.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return time.Duration(*d)
}
