package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"sync"
)

var urlScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// dsnConnector opens every connection with a fresh DSN. (sql.Open would keep the first one.)
type dsnConnector struct {
	name    string
	dsn     func(ctx context.Context) (string, error)
	secrets *secrets

	mu     sync.Mutex
	driver driver.Driver // nil until known
}

// Connect implements driver.Connector.
func (c *dsnConnector) Connect(ctx context.Context) (driver.Conn, error) {
	dsn, err := c.dsn(ctx)
	if err != nil {
		return nil, fmt.Errorf("get data source name: %w", err)
	}
	c.secrets.addDSN(dsn)
	if err := checkURL(dsn); err != nil {
		return nil, err
	}
	d, err := c.find(dsn)
	if err != nil {
		return nil, err
	}
	if d, ok := d.(driver.DriverContext); ok {
		connector, err := d.OpenConnector(dsn)
		if err != nil {
			return nil, fmt.Errorf("parse data source name: %w", err)
		}
		return connector.Connect(ctx)
	}
	return d.Open(dsn)
}

// Driver implements driver.Connector. It is nil before the first connection; database/sql asks for it only when somebody
// asks DB.Driver.
func (c *dsnConnector) Driver() driver.Driver {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.driver
}

// checkURL refuses a DSN that looks like a URL but is not valid. A driver would refuse it too, but with a text such as
// `invalid port ":half-a-password"`, which cannot be masked.
func checkURL(dsn string) error {
	if !urlScheme.MatchString(dsn) {
		return nil
	}
	if _, err := url.Parse(dsn); err != nil {
		return errors.New("parse data source name: invalid URL; percent-encode special characters in user and password")
	}
	return nil
}

// find returns the driver registered under the connector's name. database/sql gives it only through a DB, which is opened
// and closed unused.
func (c *dsnConnector) find(dsn string) (driver.Driver, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.driver != nil {
		return c.driver, nil
	}
	db, err := sql.Open(c.name, dsn)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c.name, err)
	}
	c.driver = db.Driver()
	if err := db.Close(); err != nil {
		return nil, fmt.Errorf("close %s: %w", c.name, err)
	}
	return c.driver, nil
}

// connectError is the error of a new connection, as opposed to that of a query.
type connectError struct{ error }

func (e connectError) Unwrap() error { return e.error }

// markedConnector marks the errors of new connections.
type markedConnector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c markedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, connectError{err}
	}
	return conn, nil
}
