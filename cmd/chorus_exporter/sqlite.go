package main

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"chorus/probes"
)

// sqliteBusyTimeout, in milliseconds, is longer than any timeout of a check, which ends the wait: that somebody writes
// for a moment is no failure, that the lock is never given back is one.
const sqliteBusyTimeout = "86400000"

// checkSQLite turns a path into a URI that opens the file and never creates it: a probe that makes the database it
// looks for would always find one.
func checkSQLite(c *loaded, d *Database) error {
	dsn := string(d.DSN)
	if strings.Contains(dsn, ":memory:") || strings.Contains(dsn, "mode=memory") {
		return errors.New("a database in memory is nobody else's, so it proves nothing; name a file")
	}
	if !strings.HasPrefix(dsn, "file:") {
		path, err := filepath.Abs(c.path(dsn))
		if err != nil {
			return fmt.Errorf("%w; write the absolute path", err)
		}
		dsn = (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String()
	}
	dsn = withParameter(dsn, "mode=", "mode=rw")
	dsn = withParameter(dsn, "busy_timeout", "_busy_timeout="+sqliteBusyTimeout)
	if _, err := sqlite.NewConnector(dsn); err != nil {
		return fmt.Errorf("is no name of a sqlite file: %w; write its path", err)
	}
	d.DSN = Secret(dsn)
	return nil
}

// withParameter is dsn with the parameter added, unless it has one that says the same thing.
func withParameter(dsn, known, parameter string) string {
	switch {
	case strings.Contains(dsn, known):
		return dsn
	case strings.Contains(dsn, "?"):
		return dsn + "&" + parameter
	}
	return dsn + "?" + parameter
}

func openSQLite(d Database) (driver.Connector, []string, error) {
	connector, err := sqlite.NewConnector(string(d.DSN))
	return connector, nil, err
}

// sqliteReason sorts SQLite's result codes into the reasons of a failed run.
func sqliteReason(err error) probes.Reason {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return ""
	}
	switch failure.Code() & 0xff { // the upper bits refine it
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return probes.ReasonIntegrity
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED: // still held by somebody when busy_timeout ended
		return probes.ReasonTimeout
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return probes.ReasonRefused
	case sqlite3.SQLITE_INTERRUPT: // the context ended; which way, it knows
		return ""
	}
	return probes.ReasonError
}
