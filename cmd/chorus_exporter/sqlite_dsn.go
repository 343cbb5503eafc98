package main

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// sqliteDSN is a parsed DSN: what a probe uses of it. SQLite and its driver read a DSN in different ways, so neither gets
// the text that the user wrote.
type sqliteDSN struct {
	path      string
	readOnly  bool        // mode=ro
	immutable bool        // nothing changes the file: it is read without locks
	busy      int         // milliseconds to wait for a lock; 0: as long as the run may take
	queryOnly bool        // _query_only
	pragmas   []parameter // that change only how this connection reads
}

var (
	errSQLiteMemory = errors.New("a database in memory belongs to the exporter alone and proves nothing; name a file")
	errSQLiteString = errors.New("not a SQLite file, it looks like the connection string of another database; write a path, " +
		"or change driver")
	errSQLiteSecret = errors.New("encrypted databases and logins are not supported; name a file that SQLite can read without a key")
	errSQLitePragma = errors.New("invalid _pragma; write one as name(value), such as _pragma=busy_timeout(1000)")
)

// parseSQLite parses a path or a file: URI, both of which can have parameters. It returns what is ignored. Errors quote
// nothing but known words.
func parseSQLite(dsn string) (d sqliteDSN, warnings []string, err error) {
	if err := checkSQLiteText(dsn); err != nil {
		return d, nil, err
	}
	path, query, _ := strings.Cut(dsn, "?")
	if rest, isURI := strings.CutPrefix(path, "file:"); isURI {
		if strings.Contains(dsn, "#") {
			return d, nil, errors.New(`"#" starts a fragment in a URI, which is ignored; write it as %23`)
		}
		if path, err = sqliteURIPath(rest); err != nil {
			return d, nil, err
		}
	}
	switch {
	case path == ":memory:":
		return d, nil, errSQLiteMemory
	case path == "":
		return d, nil, errors.New("no path, so SQLite would use a temporary database; name a file")
	case strings.HasPrefix(path, "~/"):
		return d, nil, errors.New(`"~" is not expanded; write the path of the home directory`)
	}
	d.path = path
	warnings, err = d.parseQuery(Secret(dsn), query)
	return d, warnings, err
}

// checkSQLiteText returns the fault of a DSN that is meant for another program.
func checkSQLiteText(dsn string) error {
	if err := checkDSNText(dsn); err != nil {
		return err
	}
	if m := dsnScheme.FindStringSubmatch(dsn); len(m) > 1 && m[1] != "file" {
		scheme := strings.ToLower(m[1])
		switch {
		case scheme == "file":
			return errors.New(`the scheme must be in lower case; write "file:"`)
		case scheme == "sqlite", scheme == "sqlite3":
			return fmt.Errorf(`%q is not a scheme of SQLite; write the path, or "file:" and the path`, scheme+":")
		case slices.Contains(foreignSchemes, scheme), strings.HasPrefix(dsn[len(m[0]):], "//"):
			return errSQLiteString
		}
	}
	path, _, _ := strings.Cut(dsn, "?")
	if passwordKey.MatchString(path) || strings.HasPrefix(path, "host=") || strings.Contains(path, "@tcp(") {
		return errSQLiteString
	}
	return nil
}

// sqliteURIPath returns the path of a URI, given without "file:".
func sqliteURIPath(rest string) (string, error) {
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		host, path, _ := strings.Cut(after, "/")
		if host != "" && host != "localhost" {
			return "", errors.New("a file: URI cannot name a host; write file:/path or file:///path")
		}
		rest = "/" + path
	}
	return percentDecode(rest)
}

// parseQuery reads the parameters of SQLite and of the Go drivers for it.
func (d *sqliteDSN) parseQuery(dsn Secret, query string) (warnings []string, err error) {
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		p := parameter{}
		if p.key, err = percentDecode(key); err == nil {
			p.value, err = percentDecode(value)
		}
		if err != nil {
			return nil, err
		}
		if alias, ok := sqliteAliases[p.key]; ok {
			p.key = alias
		}
		if seen[p.key] && p.key != "_pragma" {
			return nil, errors.New("a parameter is set twice; keep one")
		}
		seen[p.key] = true
		warning, err := d.apply(dsn, p)
		if err != nil {
			return nil, err
		}
		if warning != "" {
			warnings = append(warnings, warning)
		}
	}
	return warnings, nil
}

// sqliteAliases maps the second names of parameters to the first.
var sqliteAliases = map[string]string{
	"_timeout": "_busy_timeout", "_journal": "_journal_mode", "_sync": "_synchronous", "_vacuum": "_auto_vacuum",
	"_fk": "_foreign_keys", "_locking": "_locking_mode", "_cslike": "_case_sensitive_like", "_rt": "_recursive_triggers",
}

// sqliteNoEffect are parameters that change nothing about what a probe reads.
var sqliteNoEffect = []string{
	"_case_sensitive_like", "_cache_size", "_defensive", "_dqs", "_error_rc", "_foreign_keys", "_inttotime", "_loc", "_mutex",
	"_recursive_triggers", "_stmt_cache_size", "_texttotime", "_time_format", "_time_integer_format", "_timezone", "_txlock",
	"psow",
}

// sqliteWriters are parameters that would change the database, or keep it locked.
var sqliteWriters = []string{
	"_auto_vacuum", "_defer_foreign_keys", "_ignore_check_constraints", "_journal_mode", "_locking_mode", "_secure_delete",
	"_synchronous", "_writable_schema", "modeof", "cache",
}

// sqliteNames are the parameters that have an effect, for suggestions.
var sqliteNames = []string{"mode", "immutable", "nolock", "vfs", "_busy_timeout", "_pragma", "_query_only"}

// sqliteEncryption finds parameters of encrypted databases and of logins. Their values are secrets.
var sqliteEncryption = regexp.MustCompile(`(?i)^_?(auth|crypt|key|hexkey|rekey|hexrekey|textkey|cipher|pass|user)`)

// apply takes a parameter over. It returns a warning if the parameter is ignored.
func (d *sqliteDSN) apply(dsn Secret, p parameter) (warning string, err error) {
	switch {
	case p.key == "mode":
		return "", d.applyMode(p.value)
	case p.key == "immutable":
		d.immutable, err = sqliteBool(p)
		return "", err
	case p.key == "_query_only":
		d.queryOnly, err = sqliteBool(p)
		return "", err
	case p.key == "nolock":
		if on, err := sqliteBool(p); on || err != nil {
			return "", errors.New("nolock is not supported, the probe could read a half-written page; remove it")
		}
		return "", nil
	case p.key == "vfs" && p.value != "":
		return "", errors.New("vfs is not supported; remove it")
	case p.key == "_busy_timeout":
		return "", d.applyBusy(p.value)
	case p.key == "_pragma":
		return d.applyPragma(p.value)
	case sqliteEncryption.MatchString(p.key):
		return "", errSQLiteSecret
	case slices.Contains(sqliteNoEffect, p.key), p.key == "vfs":
		return "", nil
	case slices.Contains(sqliteWriters, p.key):
		return p.key + " is ignored: a probe does not change the database; remove it", nil
	}
	if near := similarName(p.key, sqliteNames); near != "" {
		return "", errors.New(unknownParameter(dsn, p.key, sqliteNames))
	}
	return unknownParameter(dsn, p.key, nil) + " is ignored; remove it", nil
}

func (d *sqliteDSN) applyMode(mode string) error {
	switch mode {
	case "ro":
		d.readOnly = true
	case "rw":
	case "rwc":
		return errors.New("mode=rwc creates a missing database; use mode=rw or mode=ro")
	case "memory":
		return errSQLiteMemory
	default:
		return errors.New("invalid mode; use ro or rw")
	}
	return nil
}

func (d *sqliteDSN) applyBusy(value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return errors.New("invalid _busy_timeout; write a number of milliseconds")
	}
	d.busy = n
	return nil
}

// sqlitePragma is one PRAGMA with a value that is a word or a number.
var sqlitePragma = regexp.MustCompile(`^\s*([A-Za-z_]+)\s*(?:\(\s*([-+]?\w+)\s*\)|=\s*([-+]?\w+))\s*;?\s*$`)

// sqliteReading are the pragmas that change only how this connection reads. All others are ignored: many write to the
// database or to the process.
var sqliteReading = []string{"case_sensitive_like", "cell_size_check", "foreign_keys", "trusted_schema"}

// applyPragma takes over a pragma that changes nothing in the database.
func (d *sqliteDSN) applyPragma(text string) (warning string, err error) {
	if sqliteEncryption.MatchString(strings.TrimSpace(text)) {
		return "", errSQLiteSecret
	}
	m := sqlitePragma.FindStringSubmatch(text)
	if m == nil {
		return "", errSQLitePragma
	}
	name, value := strings.ToLower(m[1]), m[2]+m[3]
	switch {
	case name == "busy_timeout":
		return "", d.applyBusy(value)
	case name == "query_only":
		d.queryOnly, err = sqliteBool(parameter{"_pragma=query_only", value})
		return "", err
	case slices.Contains(sqliteReading, name):
		d.pragmas = append(d.pragmas, parameter{name, strings.ToLower(value)})
		return "", nil
	}
	return "a _pragma is ignored: a probe does not change the database; remove it", nil
}

// sqliteBool returns the value of a parameter as SQLite reads it.
func sqliteBool(p parameter) (bool, error) {
	switch strings.ToLower(p.value) {
	case "1", "yes", "true", "on":
		return true, nil
	case "0", "no", "false", "off", "":
		return false, nil
	}
	return false, fmt.Errorf("invalid %s; use 1 or 0", p.key)
}

// String returns the DSN that is shown: a URI without what is ignored.
func (d sqliteDSN) String() string {
	var query []string
	if d.readOnly {
		query = append(query, "mode=ro")
	}
	if d.immutable {
		query = append(query, "immutable=1")
	}
	if d.busy > 0 {
		query = append(query, "_busy_timeout="+strconv.Itoa(d.busy))
	}
	if d.queryOnly {
		query = append(query, "_query_only=1")
	}
	for _, p := range d.pragmas {
		query = append(query, "_pragma="+p.key+"("+p.value+")")
	}
	uri := sqliteURI(d.path)
	if len(query) > 0 {
		uri += "?" + strings.Join(query, "&")
	}
	return uri
}

// sqliteURI returns the URI of an absolute path, without parameters.
func sqliteURI(path string) string {
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String()
}
