package main

import (
	"fmt"
	"slices"

	"chorus/probes"
)

// databaseDriver is one kind of database.
type databaseDriver struct {
	name    string
	example string // of a dsn
	query   string // default of the key query
	// check completes d.DSN. It returns what is ignored, or an error that says how to fix the DSN. Neither contains a
	// part of the DSN that could belong to a password.
	check func(c *loaded, d *Database) (warnings []string, err error)
	// open returns the options of the probe that depend on the driver. It does not connect.
	open func(d Database) (probes.SQLOptions, error)
	// reason returns why a query failed; "" for errors that the driver does not know.
	reason func(error) probes.Reason
}

// drivers returns the supported kinds of databases.
func drivers() []databaseDriver {
	return []databaseDriver{
		{
			"postgres", "postgres://user@localhost:5432/name", probes.DefaultSQLQuery,
			checkPostgres, openPostgres, postgresReason,
		},
		{
			"sqlite", "/var/lib/app/app.db", probes.DefaultSQLiteQuery,
			checkSQLite, openSQLite, sqliteReason,
		},
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
func (d Database) probe() (*probes.SQL, error) {
	kind, ok := driverOf(d.Driver)
	if !ok {
		return nil, fmt.Errorf("open database %s: unknown driver", d.Name)
	}
	options, err := kind.open(d)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", d.Name, err)
	}
	options.Driver = d.Driver
	options.Classify = kind.reason
	options.Query = d.Query
	options.MaxOpenConns = d.MaxOpenConns
	return probes.NewSQL(options)
}
