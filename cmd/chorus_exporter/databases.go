package main

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"chorus/probes"
)

// maxPasswordSize bounds what is read of a password file, in bytes.
const maxPasswordSize = 64 << 10

// databaseDriver is one kind of database.
type databaseDriver struct {
	name    string
	example string                                               // of a dsn
	query   string                                               // the default of the key query
	check   func(c *loaded, d *Database) error                   // completes d.DSN, or says what is wrong and what mends it
	open    func(d Database) (driver.Connector, []string, error) // with secrets to mask; connects to nothing yet
	reason  func(error) probes.Reason                            // why a query failed; "" for what it does not know
}

// drivers are the kinds of databases there are.
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

// driverOf is the driver called name.
func driverOf(name string) (databaseDriver, bool) {
	all := drivers()
	i := slices.IndexFunc(all, func(d databaseDriver) bool { return d.name == name })
	if i < 0 {
		return databaseDriver{}, false
	}
	return all[i], true
}

// probe makes the probe of a database. It connects to nothing yet. The caller closes it.
func (d Database) probe() (*probes.SQL, error) {
	kind, ok := driverOf(d.Driver)
	if !ok {
		return nil, fmt.Errorf("open database %s: there is no driver %q", d.Name, d.Driver)
	}
	connector, secrets, err := kind.open(d)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", d.Name, err)
	}
	return probes.NewSQL(probes.SQLOptions{
		Driver:       d.Driver,
		Connector:    connector,
		Redact:       secrets,
		Classify:     kind.reason,
		Query:        d.Query,
		MaxOpenConns: d.MaxOpenConns,
	})
}

// password is the password as it is now: whoever rotates it need not restart anything.
func (d Database) password() (string, error) {
	switch {
	case d.PasswordFile != "":
		info, err := os.Stat(d.PasswordFile)
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s is no regular file", d.PasswordFile) // a pipe would make everybody wait
		}
		if err != nil {
			return "", err
		}
		data, err := readBounded(d.PasswordFile, maxPasswordSize)
		if err != nil {
			return "", err
		}
		password := strings.TrimRight(string(data), "\r\n")
		if password == "" {
			return "", fmt.Errorf("read %s: it is empty", d.PasswordFile)
		}
		return password, nil
	case d.PasswordEnv != "":
		password, set := os.LookupEnv(d.PasswordEnv)
		if !set {
			return "", fmt.Errorf("the environment has no %s", d.PasswordEnv)
		}
		return password, nil
	}
	return "", nil
}

// pathless is err without the path, where the message names the field that has it.
func pathless(err error) error {
	if missing, ok := errors.AsType[*fs.PathError](err); ok {
		return missing.Err
	}
	return err
}
