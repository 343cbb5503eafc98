package probes

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Defaults of SQLOptions.
const (
	DefaultSQLQuery           = "SELECT 1"
	DefaultSQLiteQuery        = "SELECT count(*) FROM sqlite_master" // SQLite answers SELECT 1 without opening its file
	DefaultSQLMaxOpenConns    = 1
	DefaultSQLConnMaxLifetime = time.Minute
)

// SQLOptions says which database to ask, and what.
type SQLOptions struct {
	// Driver is the name the driver is registered under with database/sql, by whoever imports it. With a Connector it is
	// only the name shown in the details. Required.
	Driver string
	// DSN is asked for every new connection, so that a password in a file or in the environment may change. What it
	// returns, and the password in it, is masked in every error text; its own errors must not hold them. Either DSN or
	// Connector is required.
	DSN func(ctx context.Context) (string, error)
	// Connector opens the connections instead, for drivers that need more than a DSN. Secrets it uses go to Redact.
	Connector driver.Connector
	// Redact lists further secrets to mask in error texts.
	Redact []string
	// Classify says why a query failed from the driver's own error, such as a SQLSTATE; "" leaves it to the default:
	// timeouts, cancellation, refused and lost connections are recognised. Optional.
	Classify func(error) Reason
	// Query must return a row; default DefaultSQLQuery, or DefaultSQLiteQuery if Driver is sqlite or sqlite3. (SQLite
	// creates a file that is missing, unless the DSN has mode=rw or mode=ro.)
	Query string
	// MaxOpenConns bounds the connections; default DefaultSQLMaxOpenConns. One is enough for a check.
	MaxOpenConns int
	// ConnMaxLifetime is the age at which a connection is replaced; default DefaultSQLConnMaxLifetime. It bounds how long
	// an old connection can hide that new ones fail, after a password change or at the server's connection limit.
	ConnMaxLifetime time.Duration
}

// SQL is a Probe that runs a query and reads a row of its answer. Connections persist between runs.
type SQL struct {
	options   SQLOptions
	connector driver.Connector
	secrets   *secrets

	mu     sync.Mutex
	db     *sql.DB // nil before the first run
	closed bool
}

// NewSQL checks the options. It connects to nothing and starts nothing: the first run does.
func NewSQL(o SQLOptions) (*SQL, error) {
	if o.Query == "" {
		o.Query = DefaultSQLQuery
		if o.Driver == "sqlite" || o.Driver == "sqlite3" {
			o.Query = DefaultSQLiteQuery
		}
	}
	o.MaxOpenConns = cmp.Or(o.MaxOpenConns, DefaultSQLMaxOpenConns)
	o.ConnMaxLifetime = cmp.Or(o.ConnMaxLifetime, DefaultSQLConnMaxLifetime)
	switch {
	case o.Driver == "":
		return nil, errors.New("new SQL probe: no driver, set SQLOptions.Driver")
	case (o.DSN == nil) == (o.Connector == nil):
		return nil, errors.New("new SQL probe: set one of SQLOptions.DSN and SQLOptions.Connector")
	case o.MaxOpenConns < 1 || o.ConnMaxLifetime < 0:
		return nil, fmt.Errorf("new SQL probe: max open connections %d and connection lifetime %v must be positive",
			o.MaxOpenConns, o.ConnMaxLifetime)
	}
	p := &SQL{options: o, connector: o.Connector, secrets: newSecrets(o.Redact)}
	if p.connector == nil {
		p.connector = &dsnConnector{name: o.Driver, dsn: o.DSN, secrets: p.secrets}
	}
	return p, nil
}

// Probe implements Probe. Its errors hold text and reason alone: what a driver wraps may hold a secret.
func (p *SQL) Probe(ctx context.Context) (Result, error) {
	db, err := p.open()
	if err != nil {
		return Result{}, err
	}
	err = p.ask(ctx, db)
	res := Result{Details: map[string]any{
		"driver":           p.options.Driver,
		"open_connections": db.Stats().OpenConnections,
	}}
	if err != nil {
		return res, WithReason(p.classify(ctx, err), errors.New(p.secrets.mask(err.Error())))
	}
	res.Message = "query answered"
	return res, nil
}

// Close closes the connections; a run that is under way fails, and so does every later one.
func (p *SQL) Close() error {
	p.mu.Lock()
	p.closed = true
	db := p.db
	p.mu.Unlock()
	if db == nil {
		return nil
	}
	if err := db.Close(); err != nil {
		return fmt.Errorf("close %s database: %s", p.options.Driver, p.secrets.mask(err.Error()))
	}
	return nil
}

// open returns the pool, made by the first run.
func (p *SQL) open() (*sql.DB, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.New("the probe is closed")
	}
	if p.db == nil {
		p.db = sql.OpenDB(p.connector)
		p.db.SetMaxOpenConns(p.options.MaxOpenConns)
		p.db.SetConnMaxLifetime(p.options.ConnMaxLifetime)
	}
	return p.db, nil
}

// ask runs the query and reads the first row of its answer.
func (p *SQL) ask(ctx context.Context, db *sql.DB) (err error) {
	rows, err := db.QueryContext(ctx, p.options.Query)
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

// classify is the reason of a failed query. Drivers have their own words for a query that ended with its context.
func (p *SQL) classify(ctx context.Context, err error) Reason {
	if p.options.Classify != nil {
		if r := p.options.Classify(err); r != "" {
			return r
		}
	}
	r := ReasonOf(err)
	switch {
	case r != ReasonError:
		return r
	case ctx.Err() != nil:
		return ReasonOf(ctx.Err())
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone):
		return ReasonRefused // the connection was cut
	}
	return ReasonError
}
