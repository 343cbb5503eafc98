package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"chorus/probes"
)

// connectTimeout limits a connection attempt to one host, unless the dsn says otherwise.
const connectTimeout = 5 * time.Second

// checkPostgres refuses a DSN that names no host or can be read in two ways. No error quotes a value.
func checkPostgres(_ *loaded, d *Database) ([]string, error) {
	dsn := strings.TrimSpace(string(d.DSN))
	parsed, err := parsePostgres(dsn)
	if err != nil {
		return nil, err
	}
	warnings, err := parsed.settle(Secret(dsn))
	if err != nil {
		return nil, err
	}
	if parsed.get("password") != "" && d.hasPasswordSource() {
		return nil, errors.New("has a password, which cannot be used with password_file or password_env; keep one")
	}
	config, err := parsed.config()
	if err != nil {
		return nil, err
	}
	if parsed.get("password") == "" && parsed.get("passfile") == "" && !d.hasPasswordSource() && config.Password != "" &&
		!fromEnvironment(config.Password) {
		warnings = append(warnings, "uses a password from the default passfile; use password_file")
	}
	d.DSN = Secret(dsn)
	return append(warnings, parsed.environmentWarnings(d.hasPasswordSource())...), nil
}

// fromEnvironment reports whether a password is that of PGPASSWORD.
func fromEnvironment(password string) bool {
	env := Database{PasswordEnv: "PGPASSWORD"}
	got, err := env.password()
	return err == nil && got == password
}

// config returns pgx's configuration. It is made from the parsed DSN and not from its text, so that pgx cannot read the
// text in another way.
func (d postgresDSN) config() (*pgx.ConnConfig, error) {
	if d.get("port") == "" { // or it would be that of PGPORT
		d.parameters = slices.DeleteFunc(slices.Clone(d.parameters), func(p parameter) bool { return p.key == "port" })
		d.parameters = append(d.parameters, parameter{"port", "5432"})
	}
	config, err := pgx.ParseConfig(d.String())
	if err != nil {
		return nil, postgresConfigFault(err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = program
	}
	if d.get("default_query_exec_mode") == "" {
		// The default prepares a statement in the server's session and expects it there at the next run. A pooler in
		// transaction mode may give that session to another client.
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	config.StatementCacheCapacity, config.DescriptionCacheCapacity = 0, 0
	return config, nil
}

// postgresConfigFault returns what pgx found in a DSN that is well formed: the files of TLS, and the environment. Its own
// text quotes the DSN.
func postgresConfigFault(err error) error {
	text := err.Error()
	text = text[strings.LastIndex(text, "`: ")+1:] // what stands before is the DSN
	for _, known := range []struct{ part, fault string }{
		{"failed to configure TLS", "sslcert, sslkey and sslrootcert cannot be used; check the files and sslpassword"},
		{"failed to read service", "the service of PGSERVICE cannot be read; unset PGSERVICE"},
		{"require_auth", "invalid require_auth; list authentication methods such as scram-sha-256"},
		{"protocol_version", "invalid min_protocol_version or max_protocol_version; use 3.0 or 3.2"},
	} {
		if strings.Contains(text, known.part) {
			return errors.New(known.fault)
		}
	}
	return errors.New("invalid connection string; check the values of its parameters and the PG… variables in the environment")
}

func openPostgres(d Database) (probes.SQLOptions, error) {
	parsed, err := parsePostgres(string(d.DSN))
	if err == nil {
		_, err = parsed.settle(d.DSN)
	}
	if err != nil {
		return probes.SQLOptions{}, err
	}
	config, err := parsed.config()
	if err != nil {
		return probes.SQLOptions{}, err
	}
	var used passwords
	ask := func(_ context.Context, c *pgx.ConnConfig) error {
		if !d.hasPasswordSource() {
			return nil
		}
		password, err := d.password()
		if err != nil {
			return fmt.Errorf("read the password: %w", err)
		}
		used.add(password)
		c.Password = password
		return nil
	}
	connector := stdlib.GetConnector(*config, stdlib.OptionBeforeConnect(ask),
		stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }),
		stdlib.OptionResetSession(postgresAlive))
	return probes.SQLOptions{
		Connector:  connector,
		Redact:     parsed.secrets(d.DSN, config.Password),
		RedactAlso: used.list,
	}, nil
}

// secrets returns what error texts must not contain: the passwords and, if one stands in the DSN, free text that a
// password may have been split into.
func (d postgresDSN) secrets(dsn Secret, password string) []string {
	all := []string{string(dsn), password, d.get("sslpassword")}
	if dsn.hasPassword() {
		for _, p := range d.parameters {
			if slices.Contains(postgresSettings, strings.ToLower(p.key)) || strings.HasPrefix(p.key, "krb") {
				all = append(all, p.value)
			}
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return len(s) < worthMasking })
}

// postgresAlive checks a connection before it is used again. One that was closed meanwhile, by a pooler's idle timeout or
// because the server is another one now, is replaced. That is no failure of the database. The check may take half of the
// run's time, so that the other half is left for a new connection if nobody answers on the old one.
func postgresAlive(ctx context.Context, c *pgx.Conn) error {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/2)
		defer cancel()
	}
	if err := c.PgConn().Ping(ctx); err != nil {
		return driver.ErrBadConn
	}
	return nil
}

// postgresReason maps PostgreSQL's error codes (SQLSTATE, appendix A of its manual) to the reasons of a failed run.
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
	case "08", "28": // connection exceptions; invalid authorization
		return probes.ReasonRefused
	}
	return probes.ReasonError
}
