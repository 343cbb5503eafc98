// Package sqlite has the probe of a SQLite file. It links the driver modernc.org/sqlite, which needs no C compiler.
package sqlite

import (
	"bytes"
	"context"
	"database/sql/driver"
	be "encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"chorus/probes"
	"chorus/probes/sql"
	"chorus/probes/sql/dsn"
)

// Options configures the probe of a SQLite file.
type Options struct {
	// DSN is a path or a file: URI, both of which can have parameters. Required.
	DSN string
	// Query must return a row; default sql.DefaultSQLiteQuery.
	Query string
	// MaxOpenConns limits the connections; default sql.DefaultMaxOpenConns.
	MaxOpenConns int
}

// Normalize returns a DSN as the URI of an absolute path with the parameters that a probe uses, and one sentence for each
// parameter that is ignored. A relative path is taken to be in dir; "" is the working directory. The error says how to fix
// the DSN and quotes nothing of it that could be a secret.
func Normalize(given, dir string) (uri string, warnings []string, err error) {
	parsed, warnings, err := parse(strings.TrimSpace(given))
	if err != nil {
		return "", nil, err
	}
	if !filepath.IsAbs(parsed.path) {
		parsed.path = filepath.Join(dir, parsed.path)
	}
	if parsed.path, err = filepath.Abs(parsed.path); err != nil {
		return "", nil, errors.New("the working directory is unknown; write an absolute path")
	}
	return parsed.String(), warnings, nil
}

// New returns the probe of a SQLite file. It never creates the file, opens it again for every run, and fails when it is
// missing, empty, cut off or not a database. Nothing is opened before the first run. The caller closes the probe.
func New(o Options) (*sql.Probe, error) {
	uri, _, err := Normalize(o.DSN, "")
	if err != nil {
		return nil, err
	}
	parsed, _, err := parse(uri)
	if err != nil {
		return nil, err
	}
	return sql.New(sql.Options{
		Driver: "sqlite", Connector: connector{parsed}, CloseAfterRun: true, Classify: reason, Query: o.Query,
		MaxOpenConns: o.MaxOpenConns,
	})
}

// connector opens the database of a file that is there. Every run opens it again, so that a file that was moved away,
// deleted or replaced is noticed, and closes it, so that neither locks nor files of its own stay beside the database.
type connector struct{ dsn parsedDSN }

// Driver implements driver.Connector.
func (connector) Driver() driver.Driver { return &sqlite.Driver{} }

// Connect implements driver.Connector. It reads the schema: SQLite opens whatever is there, and reads the file only when
// a query needs it.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := c.checkFile(); err != nil {
		return nil, err
	}
	if c.dsn.readOnly || c.dsn.immutable || !c.hasContent("-wal") {
		return c.open(ctx, c.uri(ctx))
	}
	return c.openGuarded(ctx)
}

// open opens the database by a URI and reads its schema.
func (c connector) open(ctx context.Context, uri string) (driver.Conn, error) {
	inner, err := sqlite.NewConnector(uri)
	if err != nil {
		return nil, err
	}
	conn, err := inner.Connect(ctx)
	if err != nil {
		return nil, c.explain(err)
	}
	if err := readSchema(ctx, conn); err != nil {
		return nil, errors.Join(c.explain(err), conn.Close())
	}
	return conn, nil
}

// uri returns the URI for one run. mode=rw opens the file without creating it. A database that is read only is opened
// with mode=rw too if it has no journal, and then only queried: with mode=ro SQLite would leave the files of a database in
// WAL mode behind.
func (c connector) uri(ctx context.Context) string {
	query := []string{"mode=rw", "_error_rc=1"}
	if c.dsn.readOnly || c.dsn.immutable {
		if c.dsn.immutable || c.hasJournal() {
			query[0] = "mode=ro"
		}
		query = append(query, "_query_only=1")
	} else if c.dsn.queryOnly {
		query = append(query, "_query_only=1")
	}
	if c.dsn.immutable {
		query = append(query, "immutable=1")
	}
	query = append(query, "_busy_timeout="+strconv.Itoa(c.busy(ctx)))
	for _, p := range c.dsn.pragmas {
		query = append(query, "_pragma="+p.Key+"("+p.Value+")")
	}
	return uriOf(c.dsn.path) + "?" + strings.Join(query, "&")
}

// busy returns how long to wait for a lock, in milliseconds: nearly as long as the run may take. That somebody writes for
// a moment is not a failure. The rest is for telling that the database is locked.
func (c connector) busy(ctx context.Context) int {
	wait := 24 * time.Hour
	if end, ok := ctx.Deadline(); ok {
		wait = time.Until(end) * 9 / 10
	}
	if most := time.Duration(c.dsn.busy) * time.Millisecond; most > 0 {
		wait = min(wait, most)
	}
	return max(1, int(wait/time.Millisecond))
}

// checkFile returns why the path cannot be a database. SQLite takes an empty file for a new database.
func (c connector) checkFile() error {
	info, err := os.Stat(c.dsn.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(c.dsn.path); err == nil {
			return probes.WithReason(probes.ReasonRefused, errors.New("the file is a symbolic link to a file that does not exist"))
		}
		return probes.WithReason(probes.ReasonRefused, errors.New("the file does not exist"))
	case err != nil:
		return probes.WithReason(probes.ReasonRefused, fmt.Errorf("the file cannot be read: %w", dsn.Pathless(err)))
	case info.IsDir():
		return probes.WithReason(probes.ReasonRefused, errors.New("it is a directory, not a database file"))
	case !info.Mode().IsRegular():
		return probes.WithReason(probes.ReasonRefused, errors.New("it is not a regular file"))
	case info.Size() == 0:
		return probes.WithReason(probes.ReasonIntegrity, errors.New("the file is empty (0 bytes), not a database"))
	}
	if err := c.checkWhole(); err != nil {
		return probes.WithReason(probes.ReasonIntegrity, err)
	}
	if c.dsn.immutable && c.hasJournal() {
		return probes.WithReason(probes.ReasonIntegrity,
			errors.New("immutable=1 is set, but the database has a journal with changes; remove immutable=1"))
	}
	return nil
}

// checkWhole returns an error if the file is shorter than its header says. While somebody writes, which a journal shows, the
// header may be ahead of the file; a short moment is given to who writes without one.
func (c connector) checkWhole() error {
	for try := 0; ; try++ {
		whole, size := wholeSize(c.dsn.path)
		switch {
		case size >= whole || c.hasJournal():
			return nil
		case try == 2:
			return fmt.Errorf("the file is cut off: %d bytes, but its header says %d", size, whole)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// wholeSize returns how long a database file is by its header, and how long it is, in bytes; 0 and 0 if that cannot be read,
// which SQLite then reports. SQLite itself does not notice a file that is cut off within its last page.
// https://www.sqlite.org/fileformat.html, 1.3.7: the number of pages counts only while the change counter is the one that it
// was written with.
func wholeSize(path string) (whole, size int64) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	header := make([]byte, 100)
	if _, err := io.ReadFull(f, header); err != nil || !bytes.Equal(header[24:28], header[92:96]) {
		return 0, 0
	}
	info, err := f.Stat()
	if err != nil {
		return 0, 0
	}
	page := int64(be.BigEndian.Uint16(header[16:]))
	if page == 1 {
		page = 65536
	}
	return page * int64(be.BigEndian.Uint32(header[28:])), info.Size()
}

// hasJournal reports whether the database has a journal or a write-ahead log with content.
func (c connector) hasJournal() bool {
	return c.hasContent("-journal") || c.hasContent("-wal")
}

// hasContent reports whether the database has a file of the suffix beside it that is not empty.
func (c connector) hasContent(suffix string) bool {
	info, err := os.Stat(c.dsn.path + suffix)
	return err == nil && info.Size() > 0
}

// explain adds what to do about an error whose text does not say it.
func (c connector) explain(err error) error {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch failure.Code() & 0xff {
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("%w; the exporter needs to read the file and, in WAL mode, to write to its directory", err)
	}
	return err
}

// readSchema reads the table of tables, which every database has.
func readSchema(ctx context.Context, conn driver.Conn) error {
	queryer, ok := conn.(driver.QueryerContext)
	if !ok {
		return errors.New("the driver cannot run a query")
	}
	rows, err := queryer.QueryContext(ctx, sql.DefaultSQLiteQuery, nil)
	if err != nil {
		return err
	}
	err = rows.Next(make([]driver.Value, 1))
	if errors.Is(err, io.EOF) {
		err = errors.New("the schema cannot be counted")
	}
	return errors.Join(err, rows.Close())
}

// reason maps SQLite's result codes to the reasons of a failed run.
func reason(err error) probes.Reason {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return ""
	}
	switch failure.Code() & 0xff { // the upper bits refine it
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return probes.ReasonIntegrity
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED: // still locked when busy_timeout ended
		return probes.ReasonTimeout
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return probes.ReasonRefused
	case sqlite3.SQLITE_INTERRUPT: // the context ended, and knows why
		return ""
	}
	return probes.ReasonError
}
