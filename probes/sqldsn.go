package probes

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

// dsnConnector opens every connection with a DSN that is asked for anew. (sql.Open would keep the first one for ever.)
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

// checkURL refuses a DSN that looks like a URL and is none. A driver would refuse it too, but with a text such as `invalid
// port ":half-a-password"`, which nothing can mask.
func checkURL(dsn string) error {
	if !urlScheme.MatchString(dsn) {
		return nil
	}
	if _, err := url.Parse(dsn); err != nil {
		return errors.New("parse data source name: it is not a valid URL, write special characters of user and password as %XX")
	}
	return nil
}

// find gets the driver registered under the connector's name. database/sql tells only through a DB, which is opened here
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
