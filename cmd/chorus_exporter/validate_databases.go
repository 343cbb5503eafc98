package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"chorus/probes"
)

// Defaults of an entry of databases.
const (
	defaultDatabaseName = "database-connectivity" // of a single entry
	defaultOpenConns    = 2                       // one to work, one while an abandoned run still holds the other
	maxOpenConns        = 10
)

// checkDatabases completes the entries of databases and reports their faults.
func (c *loaded) checkDatabases() {
	for i := range c.Databases {
		d, at := &c.Databases[i], fmt.Sprintf("databases[%d]", i)
		if d.Name == "" && len(c.Databases) == 1 {
			d.Name = defaultDatabaseName
		}
		if _, set := c.lines[at+".max_open_conns"]; !set {
			d.MaxOpenConns = probes.DefaultSQLMaxOpenConns
		}
		c.count(at+".max_open_conns", d.MaxOpenConns, 1, maxOpenConns)
		c.checkDatabaseName(i, at+".name")
		c.checkSource(d, at)
	}
}

func (c *loaded) checkDatabaseName(i int, field string) {
	name := c.Databases[i].Name
	same := func(d Database) bool { return d.Name == name }
	_, shipped := c.shipped[name]
	switch {
	case name == "":
		c.add(c.line(field), field, "is missing; name each of several databases, the name becomes the check's")
	case !checkName.MatchString(name):
		c.add(c.line(field), field, "%q is no check name; use up to 128 letters, digits, '.', '_' and '-'", name)
	case shipped:
		c.add(c.line(field), field, "%q is the name of a shipped check; choose another", name)
	case slices.IndexFunc(c.Databases, same) < i:
		c.add(c.line(field), field, "%q is taken by a database above; choose another", name)
	}
}

// checkSource judges how the database is reached and where its password comes from.
func (c *loaded) checkSource(d *Database, at string) {
	kind, ok := driverOf(d.Driver)
	if !ok {
		c.add(c.line(at+".driver"), at+".driver", "%q is no driver; choose postgres or sqlite", d.Driver)
		return
	}
	d.Query = cmp.Or(d.Query, kind.query)
	if d.PasswordFile != "" {
		d.PasswordFile = c.path(d.PasswordFile)
	}
	c.checkPassword(d, at)
	if strings.TrimSpace(string(d.DSN)) == "" {
		c.add(c.line(at+".dsn"), at+".dsn", "is missing; say how to reach the database, such as %s", kind.example)
		return
	}
	if err := kind.check(c, d); err != nil {
		c.add(c.line(at+".dsn"), at+".dsn", "%v", err)
	}
}

func (c *loaded) checkPassword(d *Database, at string) {
	file, env := at+".password_file", at+".password_env"
	switch {
	case d.PasswordFile == "" && d.PasswordEnv == "":
		return
	case d.PasswordFile != "" && d.PasswordEnv != "":
		c.add(c.line(env), env, "stands beside password_file; keep one of the two")
	case d.Driver == "sqlite":
		c.add(c.line(at), at, "a sqlite file has no password; remove password_file and password_env")
	case d.DSN.hasPassword():
		c.add(c.line(at+".dsn"), at+".dsn", "carries a password beside password_file or password_env; keep one of them")
	case d.PasswordFile != "":
		if _, err := d.password(); err != nil {
			c.add(c.line(file), file, "can't be read: %v; name a file with nothing but the password", pathless(err))
		}
	default:
		if _, set := os.LookupEnv(d.PasswordEnv); !set {
			c.add(c.line(env), env, "%q is not set in the environment; set it before the start", d.PasswordEnv)
		}
	}
}
