package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"chorus/probes/sql"
	"chorus/probes/sql/dsn"
)

// Defaults of an entry of databases.
const (
	defaultDatabaseName = "database-connectivity" // of a single entry
	defaultOpenConns    = 2                       // one to work, one while an abandoned run still holds the other
	maxOpenConns        = 10
)

// checkDatabases completes the entries of databases, and notes their faults and warnings.
func (c *loaded) checkDatabases() {
	for i := range c.Databases {
		d, at := &c.Databases[i], fmt.Sprintf("databases[%d]", i)
		if d.Name == "" && len(c.Databases) == 1 {
			d.Name = defaultDatabaseName
		}
		if _, set := c.lines[at+".max_open_conns"]; !set {
			d.MaxOpenConns = sql.DefaultMaxOpenConns
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
		c.add(c.line(field), field, "missing; name each database, the name becomes the name of its check")
	case !checkName.MatchString(name): // not quoted: it may be a DSN
		c.add(c.line(field), field, "invalid name; use up to 128 letters, digits, '.', '_' and '-'")
	case shipped:
		c.add(c.line(field), field, "%q is the name of a shipped check; choose another", name)
	case slices.IndexFunc(c.Databases, same) < i:
		c.add(c.line(field), field, "duplicate name %q; choose another", name)
	}
}

// checkSource checks how the database is reached and where its password comes from.
func (c *loaded) checkSource(d *Database, at string) {
	kind, ok := driverOf(d.Driver)
	switch {
	case d.Driver == "":
		c.add(c.line(at+".driver"), at+".driver", "missing; use postgres or sqlite")
		return
	case !ok && dsn.Foreign(d.Driver):
		c.add(c.line(at+".driver"), at+".driver", "unknown driver %q; use postgres or sqlite", d.Driver)
		return
	case !ok: // not quoted: it may be a DSN
		c.add(c.line(at+".driver"), at+".driver", "unknown driver; use postgres or sqlite")
		return
	}
	d.Query = cmp.Or(d.Query, kind.query)
	if d.PasswordFile != "" {
		d.PasswordFile = c.path(d.PasswordFile)
	}
	c.checkPassword(d, at)
	if strings.TrimSpace(string(d.DSN)) == "" {
		c.add(c.line(at+".dsn"), at+".dsn", "missing; for example %s", kind.example)
		return
	}
	warnings, err := kind.check(c, d)
	if err != nil {
		c.add(c.line(at+".dsn"), at+".dsn", "%v", err)
		return
	}
	for _, w := range warnings { // add would keep only the first of a field
		c.warned = append(c.warned, problem{line: c.line(at + ".dsn"), field: at + ".dsn", shown: at + ".dsn", text: w})
	}
}

func (c *loaded) checkPassword(d *Database, at string) {
	file, env := at+".password_file", at+".password_env"
	switch {
	case !d.hasPasswordSource():
		return
	case d.PasswordFile != "" && d.PasswordEnv != "":
		c.add(c.line(env), env, "cannot be used with password_file; keep one")
	case d.Driver == "sqlite":
		c.add(c.line(at), at, "a SQLite file has no password; remove password_file and password_env")
	case d.PasswordFile != "":
		if _, err := d.password(); err != nil {
			c.add(c.line(file), file, "cannot be used: %v; name a file that contains only the password", err)
		}
	default:
		if _, err := d.password(); err != nil { // the name is not shown: it may be the password itself
			c.add(c.line(env), env, "cannot be used: %v; set it to the password before the start", err)
		}
	}
}
