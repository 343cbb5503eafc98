// Package sql has the probe of a database: a query on a real connection, with any driver of database/sql. The packages
// beneath it have the probes of PostgreSQL and SQLite, with their drivers.
package sql

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"

	"chorus/probes"
)

// Defaults of Options.
const (
	DefaultQuery           = "SELECT 1"
	DefaultSQLiteQuery     = "SELECT count(*) FROM sqlite_master" // SQLite answers SELECT 1 without opening its file
	DefaultMaxOpenConns    = 1
	DefaultConnMaxLifetime = time.Minute
)

// Options configures a Probe.
type Options struct {
	// Driver is the name under which the driver is registered with database/sql. With a Connector it is only shown in
	// the details. Required.
	Driver string
	// DSN is called for every new connection, so that a password in a file or in the environment can change. The DSN
	// and the password in it are masked in every error text; the errors of DSN itself must not contain them. Either DSN
	// or Connector is required.
	DSN func(ctx context.Context) (string, error)
	// Connector opens the connections instead, for drivers that need more than a DSN. Secrets it uses go to Redact and
	// RedactAlso.
	Connector driver.Connector
	// Redact lists more secrets to mask in error texts.
	Redact []string
	// RedactAlso returns secrets that were not known when the probe was made, such as a password that was rotated. It is
	// called after a failed run. Optional.
	RedactAlso func() []string
	// Classify returns why a query failed from the driver's own error, such as a SQLSTATE. "" selects the default, which
	// recognises timeouts, cancellation, refused and lost connections. Optional.
	Classify func(error) probes.Reason
	// Query must return a row; default DefaultQuery, or DefaultSQLiteQuery if Driver is sqlite or sqlite3. (SQLite
	// creates a missing file, unless the DSN has mode=rw or mode=ro.)
	Query string
	// CloseAfterRun closes the connection after every run. It is meant for files: an open connection goes on reading a
	// file that was moved away, deleted or replaced.
	CloseAfterRun bool
	// MaxOpenConns limits the connections; default DefaultMaxOpenConns. One is enough for a check.
	MaxOpenConns int
	// ConnMaxLifetime is the age at which a connection is replaced; default DefaultConnMaxLifetime. It limits how long
	// an old connection can hide that new ones fail, after a password change or at the server's connection limit.
	ConnMaxLifetime time.Duration
}

// Probe is a probes.Probe that runs a query and reads the first row of its result. Connections persist between runs, unless
// CloseAfterRun is set.
type Probe struct {
	options   Options
	connector driver.Connector
	secrets   *secrets

	mu     sync.Mutex
	db     *sql.DB // nil before the first run
	closed bool
}

// New checks the options. It neither connects nor starts anything: the first run does.
func New(o Options) (*Probe, error) {
	if o.Query == "" {
		o.Query = DefaultQuery
		if o.Driver == "sqlite" || o.Driver == "sqlite3" {
			o.Query = DefaultSQLiteQuery
		}
	}
	o.MaxOpenConns = cmp.Or(o.MaxOpenConns, DefaultMaxOpenConns)
	o.ConnMaxLifetime = cmp.Or(o.ConnMaxLifetime, DefaultConnMaxLifetime)
	switch {
	case o.Driver == "":
		return nil, errors.New("new SQL probe: no driver, set Options.Driver")
	case (o.DSN == nil) == (o.Connector == nil):
		return nil, errors.New("new SQL probe: set one of Options.DSN and Options.Connector")
	case o.MaxOpenConns < 1 || o.ConnMaxLifetime < 0:
		return nil, fmt.Errorf("new SQL probe: max open connections %d and connection lifetime %v must be positive",
			o.MaxOpenConns, o.ConnMaxLifetime)
	}
	p := &Probe{options: o, connector: o.Connector, secrets: newSecrets(o.Redact)}
	if p.connector == nil {
		p.connector = &dsnConnector{name: o.Driver, dsn: o.DSN, secrets: p.secrets}
	}
	p.connector = markedConnector{p.connector}
	return p, nil
}

// Probe implements Probe. Its errors carry only text and reason: an error that a driver wraps may contain a secret.
func (p *Probe) Probe(ctx context.Context) (probes.Result, error) {
	db, err := p.open()
	if err != nil {
		return probes.Result{}, err
	}
	err = p.ask(ctx, db)
	res := probes.Result{Details: map[string]any{"driver": p.options.Driver}}
	if !p.options.CloseAfterRun {
		res.Details["open_connections"] = db.Stats().OpenConnections
	}
	if err != nil {
		return res, probes.WithReason(p.classify(ctx, err), errors.New(p.mask(err.Error())))
	}
	res.Message = "query answered"
	return res, nil
}

// Close closes the connections; a run that is under way fails, and so does every later one.
func (p *Probe) Close() error {
	p.mu.Lock()
	p.closed = true
	db := p.db
	p.mu.Unlock()
	if db == nil {
		return nil
	}
	if err := db.Close(); err != nil {
		return fmt.Errorf("close %s database: %s", p.options.Driver, p.mask(err.Error()))
	}
	return nil
}

// mask returns text without any of the secrets.
func (p *Probe) mask(text string) string {
	if p.options.RedactAlso != nil {
		text = newSecrets(p.options.RedactAlso()).mask(text)
	}
	return p.secrets.mask(text)
}

// open returns the pool, which the first run creates.
func (p *Probe) open() (*sql.DB, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.New("the probe is closed")
	}
	if p.db == nil {
		p.db = sql.OpenDB(p.connector)
		p.db.SetMaxOpenConns(p.options.MaxOpenConns)
		p.db.SetConnMaxLifetime(p.options.ConnMaxLifetime)
		if p.options.CloseAfterRun {
			p.db.SetMaxIdleConns(-1)
		}
	}
	return p.db, nil
}

// ask runs the query and reads the first row of its answer.
func (p *Probe) ask(ctx context.Context, db *sql.DB) (err error) {
	rows, err := db.QueryContext(ctx, p.options.Query)
	if connecting, ok := errors.AsType[connectError](err); ok {
		return connecting
	}
	if err != nil {
		return fmt.Errorf("run query: %w", err)
	}
	defer func() { err = cmp.Or(err, rows.Close()) }()
	if !rows.Next() {
		return fmt.Errorf("read row: %w", cmp.Or(rows.Err(), sql.ErrNoRows))
	}
	columns, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("read columns: %w", err)
	}
	row := make([]any, len(columns))
	for i := range row {
		row[i] = new(sql.RawBytes) // any value fits, and none is copied
	}
	if err := rows.Scan(row...); err != nil {
		return fmt.Errorf("read row: %w", err)
	}
	return nil
}

// classify returns the reason of a failed query. Drivers have their own errors for a query that ended with its context.
func (p *Probe) classify(ctx context.Context, err error) probes.Reason {
	if p.options.Classify != nil {
		if r := p.options.Classify(err); r != "" {
			return r
		}
	}
	r := probes.ReasonOf(err)
	switch {
	case r != probes.ReasonError:
		return r
	case ctx.Err() != nil:
		return probes.ReasonOf(ctx.Err())
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone):
		return probes.ReasonRefused // the connection was cut
	}
	return probes.ReasonError
}

// Check is the spec of the check that the probe decides: critical, and failing at once.
func (p *Probe) Check(name string) probes.Spec {
	return probes.Spec{
		Name: name, Description: "A query answers on a real connection to the database.", Component: "database",
		Critical: true, FailureThreshold: 1, Probe: p,
	}
}
