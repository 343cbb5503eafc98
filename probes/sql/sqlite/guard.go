package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"strconv"
)

// conn is what a connection of the driver can do that database/sql uses.
type conn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// guarded is a connection beside a second one that only reads. The last connection to a database in WAL mode that may
// write moves the write-ahead log into the file and removes it when it is closed. A probe must not do that to a log that a
// killed writer left; the second connection, which cannot, is the last one.
type guarded struct {
	conn
	guard driver.Conn
}

// openGuarded opens both.
func (c connector) openGuarded(ctx context.Context) (driver.Conn, error) {
	guard, err := c.open(ctx, uriOf(c.dsn.path)+"?mode=ro&_error_rc=1&_busy_timeout="+strconv.Itoa(c.busy(ctx)))
	if err != nil {
		return nil, err
	}
	opened, err := c.open(ctx, c.uri(ctx))
	if err != nil {
		return nil, errors.Join(err, guard.Close())
	}
	inner, ok := opened.(conn)
	if !ok {
		return nil, errors.Join(errors.New("the driver's connections lack a method"), opened.Close(), guard.Close())
	}
	return guarded{inner, guard}, nil
}

// Close implements driver.Conn.
func (g guarded) Close() error { return errors.Join(g.conn.Close(), g.guard.Close()) }
