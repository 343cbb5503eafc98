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
	if !strings.Contains(dsn, "mode=") {
		separator := "?"
		if strings.Contains(dsn, "?") {
			separator = "&"
		}
		dsn += separator + "mode=rw"
	}
	if _, err := sqlite.NewConnector(dsn); err != nil {
		return fmt.Errorf("is no name of a sqlite file: %w; write its path", err)
	}
	d.DSN = Secret(dsn)
	return nil
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
