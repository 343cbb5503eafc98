package sqlite

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"chorus/probes/sql/dsn"
)

// parsedDSN is what a probe uses of it. SQLite and its driver read a DSN in different ways, so neither gets
// the text that the user wrote.
type parsedDSN struct {
	path      string
	readOnly  bool            // mode=ro
	immutable bool            // nothing changes the file: it is read without locks
	busy      int             // milliseconds to wait for a lock; 0: as long as the run may take
	queryOnly bool            // _query_only
	pragmas   []dsn.Parameter // that change only how this connection reads
}

var (
	errMemory = errors.New("a database in memory belongs to the exporter alone and proves nothing; name a file")
	errString = errors.New("not a SQLite file, it looks like the connection string of another database; write a path, " +
		"or change driver")
	errSecret = errors.New("encrypted databases and logins are not supported; name a file that SQLite can read without a key")
	errPragma = errors.New("invalid _pragma; write one as name(value), such as _pragma=busy_timeout(1000)")
)

// parse parses a path or a file: URI, both of which can have parameters. It returns what is ignored. Errors quote
// nothing but known words.
func parse(given string) (d parsedDSN, warnings []string, err error) {
	if err := checkText(given); err != nil {
		return d, nil, err
	}
	path, query, _ := strings.Cut(given, "?")
	if rest, isURI := strings.CutPrefix(path, "file:"); isURI {
		if strings.Contains(given, "#") {
			return d, nil, errors.New(`"#" starts a fragment in a URI, which is ignored; write it as %23`)
		}
		if path, err = uriPath(rest); err != nil {
			return d, nil, err
		}
	}
	switch {
	case path == ":memory:":
		return d, nil, errMemory
	case path == "":
		return d, nil, errors.New("no path, so SQLite would use a temporary database; name a file")
	case strings.HasPrefix(path, "~/"):
		return d, nil, errors.New(`"~" is not expanded; write the path of the home directory`)
	}
	d.path = path
	warnings, err = d.parseQuery(given, query)
	return d, warnings, err
}

// checkText returns the fault of a DSN that is meant for another program.
func checkText(given string) error {
	if err := dsn.Check(given); err != nil {
		return err
	}
	if scheme, rest, ok := dsn.Scheme(given); ok && !strings.HasPrefix(given, "file:") {
		switch {
		case scheme == "file":
			return errors.New(`the scheme must be in lower case; write "file:"`)
		case scheme == "sqlite", scheme == "sqlite3":
			return fmt.Errorf(`%q is not a scheme of SQLite; write the path, or "file:" and the path`, scheme+":")
		case dsn.Foreign(scheme), strings.HasPrefix(rest, "//"):
			return errString
		}
	}
	path, _, _ := strings.Cut(given, "?")
	if dsn.HasPassword(path) || strings.HasPrefix(path, "host=") || strings.Contains(path, "@tcp(") {
		return errString
	}
	return nil
}

// uriPath returns the path of a URI, given without "file:".
func uriPath(rest string) (string, error) {
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		host, path, _ := strings.Cut(after, "/")
		if host != "" && host != "localhost" {
			return "", errors.New("a file: URI cannot name a host; write file:/path or file:///path")
		}
		rest = "/" + path
	}
	return dsn.PercentDecode(rest)
}

// parseQuery reads the parameters of SQLite and of the Go drivers for it.
func (d *parsedDSN) parseQuery(given string, query string) (warnings []string, err error) {
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		p := dsn.Parameter{}
		if p.Key, err = dsn.PercentDecode(key); err == nil {
			p.Value, err = dsn.PercentDecode(value)
		}
		if err != nil {
			return nil, err
		}
		if alias, ok := aliases[p.Key]; ok {
			p.Key = alias
		}
		if seen[p.Key] && p.Key != "_pragma" {
			return nil, errors.New("a parameter is set twice; keep one")
		}
		seen[p.Key] = true
		warning, err := d.apply(given, p)
		if err != nil {
			return nil, err
		}
		if warning != "" {
			warnings = append(warnings, warning)
		}
	}
	return warnings, nil
}

// aliases maps the second names of parameters to the first.
var aliases = map[string]string{
	"_timeout": "_busy_timeout", "_journal": "_journal_mode", "_sync": "_synchronous", "_vacuum": "_auto_vacuum",
	"_fk": "_foreign_keys", "_locking": "_locking_mode", "_cslike": "_case_sensitive_like", "_rt": "_recursive_triggers",
}

// noEffect are parameters that change nothing about what a probe reads.
var noEffect = []string{
	"_case_sensitive_like", "_cache_size", "_defensive", "_dqs", "_error_rc", "_foreign_keys", "_inttotime", "_loc", "_mutex",
	"_recursive_triggers", "_stmt_cache_size", "_texttotime", "_time_format", "_time_integer_format", "_timezone", "_txlock",
	"psow",
}

// writers are parameters that would change the database, or keep it locked.
var writers = []string{
	"_auto_vacuum", "_defer_foreign_keys", "_ignore_check_constraints", "_journal_mode", "_locking_mode", "_secure_delete",
	"_synchronous", "_writable_schema", "modeof", "cache",
}

// names are the parameters that have an effect, for suggestions.
var names = []string{"mode", "immutable", "nolock", "vfs", "_busy_timeout", "_pragma", "_query_only"}

// encryption finds parameters of encrypted databases and of logins. Their values are secrets.
var encryption = regexp.MustCompile(`(?i)^_?(auth|crypt|key|hexkey|rekey|hexrekey|textkey|cipher|pass|user)`)

// apply takes a parameter over. It returns a warning if the parameter is ignored.
func (d *parsedDSN) apply(given string, p dsn.Parameter) (warning string, err error) {
	switch {
	case p.Key == "mode":
		return "", d.applyMode(p.Value)
	case p.Key == "immutable":
		d.immutable, err = boolean(p)
		return "", err
	case p.Key == "_query_only":
		d.queryOnly, err = boolean(p)
		return "", err
	case p.Key == "nolock":
		if on, err := boolean(p); on || err != nil {
			return "", errors.New("nolock is not supported, the probe could read a half-written page; remove it")
		}
		return "", nil
	case p.Key == "vfs" && p.Value != "":
		return "", errors.New("vfs is not supported; remove it")
	case p.Key == "_busy_timeout":
		return "", d.applyBusy(p.Value)
	case p.Key == "_pragma":
		return d.applyPragma(p.Value)
	case encryption.MatchString(p.Key):
		return "", errSecret
	case slices.Contains(noEffect, p.Key), p.Key == "vfs":
		return "", nil
	case slices.Contains(writers, p.Key):
		return p.Key + " is ignored: a probe does not change the database; remove it", nil
	}
	if near := dsn.Similar(p.Key, names); near != "" {
		return "", errors.New(dsn.UnknownParameter(given, p.Key, names))
	}
	return dsn.UnknownParameter(given, p.Key, nil) + " is ignored; remove it", nil
}

func (d *parsedDSN) applyMode(mode string) error {
	switch mode {
	case "ro":
		d.readOnly = true
	case "rw":
	case "rwc":
		return errors.New("mode=rwc creates a missing database; use mode=rw or mode=ro")
	case "memory":
		return errMemory
	default:
		return errors.New("invalid mode; use ro or rw")
	}
	return nil
}

func (d *parsedDSN) applyBusy(value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return errors.New("invalid _busy_timeout; write a number of milliseconds")
	}
	d.busy = n
	return nil
}

// pragmaForm is one PRAGMA with a value that is a word or a number.
var pragmaForm = regexp.MustCompile(`^\s*([A-Za-z_]+)\s*(?:\(\s*([-+]?\w+)\s*\)|=\s*([-+]?\w+))\s*;?\s*$`)

// readingPragmas are the pragmas that change only how this connection reads. All others are ignored: many write to the
// database or to the process.
var readingPragmas = []string{"case_sensitive_like", "cell_size_check", "foreign_keys", "trusted_schema"}

// applyPragma takes over a pragma that changes nothing in the database.
func (d *parsedDSN) applyPragma(text string) (warning string, err error) {
	if encryption.MatchString(strings.TrimSpace(text)) {
		return "", errSecret
	}
	m := pragmaForm.FindStringSubmatch(text)
	if m == nil {
		return "", errPragma
	}
	name, value := strings.ToLower(m[1]), m[2]+m[3]
	switch {
	case name == "busy_timeout":
		return "", d.applyBusy(value)
	case name == "query_only":
		d.queryOnly, err = boolean(dsn.Parameter{Key: "_pragma=query_only", Value: value})
		return "", err
	case slices.Contains(readingPragmas, name):
		d.pragmas = append(d.pragmas, dsn.Parameter{Key: name, Value: strings.ToLower(value)})
		return "", nil
	}
	return "a _pragma is ignored: a probe does not change the database; remove it", nil
}

// boolean returns the value of a parameter as SQLite reads it.
func boolean(p dsn.Parameter) (bool, error) {
	switch strings.ToLower(p.Value) {
	case "1", "yes", "true", "on":
		return true, nil
	case "0", "no", "false", "off", "":
		return false, nil
	}
	return false, fmt.Errorf("invalid %s; use 1 or 0", p.Key)
}

// String returns the DSN that is shown: a URI without what is ignored.
func (d parsedDSN) String() string {
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
		query = append(query, "_pragma="+p.Key+"("+p.Value+")")
	}
	uri := uriOf(d.path)
	if len(query) > 0 {
		uri += "?" + strings.Join(query, "&")
	}
	return uri
}

// uriOf returns the URI of an absolute path, without parameters.
func uriOf(path string) string {
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String()
}
