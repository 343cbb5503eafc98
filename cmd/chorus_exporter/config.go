package main

import (
	"time"

	"github.com/prometheus/common/model"
)

// Config is a whole configuration file. Its defaults are not here but in rules/defaults.yml, over which a file is laid.
//
// The comment of a field, here and in what it holds, is what docs/config-keys.md says of the key. What follows "Default:"
// stands in the column of defaults; a key for which rules/defaults.yml has a value needs none.
type Config struct {
	// Who this is, in `/health`; up to 255 bytes. Default: the hostname; with `p2p` our peer id.
	NodeID string `yaml:"node_id"`
	// What runs here, in `/health`. Default: the exporter's version.
	Version string `yaml:"version"`
	// How often the rules are evaluated; also soon after a probe's outcome changes.
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	// How long the status may be `starting`; at least 1m, so that a critical check that never passed is unhealthy by then.
	StartupTimeout model.Duration `yaml:"startup_timeout"`
	// Without a finished evaluation for so long, liveness fails; at least two evaluations, and 1s.
	StallTimeout model.Duration `yaml:"stall_timeout"`
	// Limit of the series that are kept for the rules; memory is proportional to it. Custom rules that need more are refused.
	MaxSeries int `yaml:"max_series"`
	// What the addresses of runbooks begin with: `https://wiki.example.net/chorus` makes an alert point to
	// `https://wiki.example.net/chorus/CheckNoData`. Default: the exporter's own pages, `/runbooks/CheckNoData`.
	RunbookBaseURL string `yaml:"runbook_base_url,omitempty"`
	// Own rule files, patterns allowed; see [rules.md](rules.md).
	RuleFiles []string `yaml:"rule_files,omitempty"`
	// Checks to switch off, short for `checks.NAME.enabled: false`.
	Disable []string `yaml:"disable,omitempty"`
	// What components weigh in the system score, by their names.
	Components map[string]Component `yaml:"components,omitempty"`
	// The limits of the system score and of failures in a row.
	Thresholds Thresholds `yaml:"thresholds"`
	// What is kept of each check.
	History       History          `yaml:"history"`
	CheckDefaults map[string]Check `yaml:"check_defaults,omitempty"` // only in the embedded defaults
	// What differs for a check, by its name. What holds without an entry is in the table of [checks](#checks).
	Checks map[string]Check `yaml:"checks"`
	// Databases to query.
	Databases []Database `yaml:"databases,omitempty"`
	// File systems that are watched.
	Disks []Disk `yaml:"disks"`
	// The utilizations, from 0 to 1, over which a resource is reported; `off` leaves a resource out.
	Resources Resources `yaml:"resources"`
	// A libp2p cluster to probe. It is configured as soon as it has targets.
	P2P P2P `yaml:"p2p,omitempty"`
	// The cluster's leader, to be observed. It needs `p2p`, and is on as soon as the key is there: `election: {}` is
	// enough where the defaults fit.
	Election Election `yaml:"election,omitempty"` // in force if the file has the key, see observes
	// What is done when a rule asks for a shutdown, and how the process ends.
	Shutdown Shutdown `yaml:"shutdown"`
}

// Component says what a component weighs in the system score.
type Component struct {
	// Share of the component in the system score. Default: `1`.
	Weight *float64 `yaml:"weight,omitempty"` // nil: 1, which the rules assume
	// Whether the component caps the score: the system is never better than its worst key component.
	Key bool `yaml:"key,omitempty"`
}

// Thresholds are the limits of the system score, and the failures in a row after which a probe's check fails.
type Thresholds struct {
	// System score under which the status is not healthy.
	Healthy float64 `yaml:"healthy"`
	// System score under which the status is unhealthy.
	Degraded float64 `yaml:"degraded"`
	// Failures in a row after which a probe's check fails.
	MaxFailedProbes int `yaml:"max_failed_probes"`
}

// History bounds what is kept of each check.
type History struct {
	// Results kept of each check.
	MaxEntries int `yaml:"max_entries"`
	// How often the results of checks that are gone are swept.
	CleanupInterval model.Duration `yaml:"cleanup_interval"`
}

// Check is what can be set for a check by name. A nil field keeps the default of the check's kind.
type Check struct {
	// `false`: the check stands in `/health/checks` as disabled and nowhere else. Default: by check.
	Enabled *bool `yaml:"enabled,omitempty"`
	// How often it runs; for a rule check, how often its result is counted. Default: by check.
	Interval *model.Duration `yaml:"interval,omitempty"`
	// How long one run may take; it must fit into the interval. Default: by check.
	Timeout *model.Duration `yaml:"timeout,omitempty"`
	// Whether its failure makes the node unhealthy, or only degraded. For a rule check the rule file says so. Default:
	// by check.
	Critical *bool `yaml:"critical,omitempty"`
	// Failures in a row from which on it fails. For a rule check the rule file says for how long a fault must last.
	// Default: by check.
	FailureThreshold *int `yaml:"failure_threshold,omitempty"`
}

// Database is a database that a probe queries. It is comparable: two equal values are served by one pool.
type Database struct {
	// The check's name; letters, digits, `.`, `_`, `-`. Default: `database-connectivity` if there is only one database,
	// else required.
	Name string `yaml:"name"`
	// `postgres` or `sqlite`. Default: required.
	Driver string `yaml:"driver"`
	// How to reach it: `postgres://user@host:5432/name`, or the path of a SQLite file, which is never created; a locked
	// file is waited for as long as the check's timeout. Default: required.
	DSN Secret `yaml:"dsn"`
	// A file with nothing but the password, read at each connection.
	PasswordFile string `yaml:"password_file,omitempty"`
	// An environment variable that holds the password.
	PasswordEnv string `yaml:"password_env,omitempty"`
	// What must be answered. Default: `SELECT 1`; for SQLite a count of its schema.
	Query string `yaml:"query"`
	// Connections of the probe's own pool, at most 10. Default: `1`.
	MaxOpenConns int `yaml:"max_open_conns"`
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
