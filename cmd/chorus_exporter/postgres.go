package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"chorus/probes"
)

// connectTimeout bounds a connection attempt to one host, unless the dsn says otherwise.
const connectTimeout = 5 * time.Second

func checkPostgres(_ *loaded, d *Database) error {
	_, err := pgx.ParseConfig(string(d.DSN))
	if err == nil {
		return nil
	}
	// The parser's text quotes what it could not read, where a password may be. What it says of files can't hold one.
	if missing, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("names a file that can't be read: %w; mend its path", missing)
	}
	return errors.New("is no connection string of PostgreSQL; write postgres://user@host:5432/name, with what is " +
		"special percent-encoded, or host=… user=… dbname=…")
}

func openPostgres(d Database) (driver.Connector, []string, error) {
	config, err := pgx.ParseConfig(string(d.DSN))
	if err != nil {
		return nil, nil, errors.New("the dsn is no connection string of PostgreSQL")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = program
	}
	secrets := []string{string(d.DSN)}
	const worthMasking = 4 // a shorter one would be found in every text
	if len(config.Password) >= worthMasking {
		secrets = append(secrets, config.Password)
	}
	if d.PasswordFile == "" && d.PasswordEnv == "" {
		return stdlib.GetConnector(*config), secrets, nil
	}
	ask := func(_ context.Context, c *pgx.ConnConfig) error {
		password, err := d.password()
		if err != nil {
			return fmt.Errorf("read the password: %w", err)
		}
		c.Password = password
		return nil
	}
	return stdlib.GetConnector(*config, stdlib.OptionBeforeConnect(ask)), secrets, nil
}

// postgresReason sorts PostgreSQL's error codes (SQLSTATE, appendix A of its manual) into the reasons of a failed run.
func postgresReason(err error) probes.Reason {
	refusal, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || len(refusal.Code) != 5 {
		return ""
	}
	switch refusal.Code {
	case "57014", // query canceled, by statement_timeout
		"55P03": // lock not available, by lock_timeout
		return probes.ReasonTimeout
	case "57P01", "57P02", "57P03", // shut down by an administrator, by a crash; starting or stopping
		"53300": // too many connections
		return probes.ReasonRefused
	case "XX001", "XX002": // data or index corrupted
		return probes.ReasonIntegrity
	}
	switch refusal.Code[:2] {
	case "08", "28": // connection exceptions; who we are is not accepted
		return probes.ReasonRefused
	}
	return probes.ReasonError
}
