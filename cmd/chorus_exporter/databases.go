package main

import (
	"fmt"
	"slices"
	"strings"

	"chorus/probes/sql"
	"chorus/probes/sql/postgres"
	"chorus/probes/sql/sqlite"
)

// databaseDriver is one kind of database.
type databaseDriver struct {
	name    string
	example string // of a dsn
	query   string // default of the key query
	// check completes d.DSN. It returns what is ignored, or an error that says how to fix the DSN. Neither contains a
	// part of the DSN that could belong to a password.
	check func(c *loaded, d *Database) (warnings []string, err error)
	// open returns the probe. It does not connect.
	open func(d Database) (*sql.Probe, error)
}

// drivers returns the supported kinds of databases.
func drivers() []databaseDriver {
	return []databaseDriver{
		{"postgres", "postgres://user@localhost:5432/name", sql.DefaultQuery, checkPostgres, openPostgres},
		{"sqlite", "/var/lib/app/app.db", sql.DefaultSQLiteQuery, checkSQLite, openSQLite},
	}
}

// driverOf returns the driver called name.
func driverOf(name string) (databaseDriver, bool) {
	all := drivers()
	i := slices.IndexFunc(all, func(d databaseDriver) bool { return d.name == name })
	if i < 0 {
		return databaseDriver{}, false
	}
	return all[i], true
}

// probe returns the probe of a database. It does not connect yet. The caller closes it.
func (d Database) probe() (*sql.Probe, error) {
	kind, ok := driverOf(d.Driver)
	if !ok {
		return nil, fmt.Errorf("open database %s: unknown driver", d.Name)
	}
	probe, err := kind.open(d)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", d.Name, err)
	}
	return probe, nil
}

// postgresOptions is what the probe of a PostgreSQL database is made from.
func (d Database) postgresOptions() postgres.Options {
	o := postgres.Options{DSN: string(d.DSN), Query: d.Query, MaxOpenConns: d.MaxOpenConns}
	if d.hasPasswordSource() {
		o.Password = d.password
	}
	return o
}

func checkPostgres(_ *loaded, d *Database) (warnings []string, err error) {
	d.DSN = Secret(strings.TrimSpace(string(d.DSN)))
	return d.postgresOptions().Validate()
}

func openPostgres(d Database) (*sql.Probe, error) { return postgres.New(d.postgresOptions()) }

// checkSQLite replaces the DSN by a URI of the absolute path.
func checkSQLite(c *loaded, d *Database) (warnings []string, err error) {
	uri, warnings, err := sqlite.Normalize(string(d.DSN), c.path("."))
	if err != nil {
		return nil, err
	}
	d.DSN = Secret(uri)
	return warnings, nil
}

func openSQLite(d Database) (*sql.Probe, error) {
	return sqlite.New(sqlite.Options{DSN: string(d.DSN), Query: d.Query, MaxOpenConns: d.MaxOpenConns})
}
