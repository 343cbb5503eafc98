// Package postgres has the probe of a PostgreSQL database. It links the driver pgx.
package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"chorus/probes"
	"chorus/probes/sql"
	"chorus/probes/sql/dsn"
)

// connectTimeout limits a connection attempt to one host, unless the dsn says otherwise.
const connectTimeout = 5 * time.Second

// applicationName is what the server's log and pg_stat_activity call the probe, unless the dsn says otherwise.
const applicationName = "chorus_exporter"

// Options configures the probe of a PostgreSQL database.
type Options struct {
	// DSN is a connection string, postgres://user@host:5432/name or "host=… user=… dbname=…". It must name a host. Required.
	DSN string
	// Password returns the password for each new connection, so that it can change. Its errors must not contain the password.
	// Optional: by default the password is that of the DSN.
	Password func() (string, error)
	// Query must return a row; default sql.DefaultQuery.
	Query string
	// MaxOpenConns limits the connections; default sql.DefaultMaxOpenConns.
	MaxOpenConns int
}

// Validate refuses a DSN that names no host, can be read in two ways or sets a parameter that is unknown. It returns one
// sentence for each parameter that is ignored and for each value that the environment adds. Neither these nor the error
// quote anything that could be a part of a password.
func (o Options) Validate() (warnings []string, err error) {
	parsed, err := parse(strings.TrimSpace(o.DSN))
	if err != nil {
		return nil, err
	}
	warnings, err = parsed.settle(o.DSN)
	if err != nil {
		return nil, err
	}
	if parsed.get("password") != "" && o.Password != nil {
		return nil, errors.New("has a password, which cannot be used with password_file or password_env; keep one")
	}
	config, err := parsed.config()
	if err != nil {
		return nil, err
	}
	if parsed.get("password") == "" && parsed.get("passfile") == "" && o.Password == nil && config.Password != "" &&
		config.Password != os.Getenv("PGPASSWORD") {
		warnings = append(warnings, "uses a password from the default passfile; use password_file")
	}
	return append(warnings, parsed.environmentWarnings(o.Password != nil)...), nil
}

// config returns pgx's configuration. It is made from the parsed DSN and not from its text, so that pgx cannot read the
// text in another way.
func (d parsedDSN) config() (*pgx.ConnConfig, error) {
	if d.get("port") == "" { // or it would be that of PGPORT
		d.parameters = slices.DeleteFunc(slices.Clone(d.parameters), func(p dsn.Parameter) bool { return p.Key == "port" })
		d.parameters = append(d.parameters, dsn.Parameter{Key: "port", Value: "5432"})
	}
	config, err := pgx.ParseConfig(d.String())
	if err != nil {
		return nil, configFault(err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = applicationName
	}
	if d.get("default_query_exec_mode") == "" {
		// The default prepares a statement in the server's session and expects it there at the next run. A pooler in
		// transaction mode may give that session to another client.
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	config.StatementCacheCapacity, config.DescriptionCacheCapacity = 0, 0
	return config, nil
}

// configFault returns what pgx found in a DSN that is well formed: the files of TLS, and the environment. Its own
// text quotes the DSN.
func configFault(err error) error {
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

// New returns the probe of a PostgreSQL database. It leaves nothing behind in the server's session, so that it can go
// through a pooler in transaction mode. Nothing connects before the first run. The caller closes the probe.
func New(o Options) (*sql.Probe, error) {
	if _, err := o.Validate(); err != nil {
		return nil, err
	}
	given := strings.TrimSpace(o.DSN)
	parsed, err := parse(given)
	if err == nil {
		_, err = parsed.settle(given)
	}
	if err != nil {
		return nil, err
	}
	config, err := parsed.config()
	if err != nil {
		return nil, err
	}
	var used passwords
	ask := func(_ context.Context, c *pgx.ConnConfig) error {
		if o.Password == nil {
			return nil
		}
		password, err := o.Password()
		if err != nil {
			return fmt.Errorf("read the password: %w", err)
		}
		used.add(password)
		c.Password = password
		return nil
	}
	connector := stdlib.GetConnector(*config, stdlib.OptionBeforeConnect(ask),
		stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }),
		stdlib.OptionResetSession(alive))
	return sql.New(sql.Options{
		Driver:       "postgres",
		Connector:    connector,
		Redact:       parsed.secrets(given, config.Password),
		RedactAlso:   used.list,
		Classify:     reason,
		Query:        o.Query,
		MaxOpenConns: o.MaxOpenConns,
	})
}

// secrets returns what error texts must not contain: the passwords and, if one stands in the DSN, free text that a
// password may have been split into.
func (d parsedDSN) secrets(given string, password string) []string {
	all := []string{given, password, d.get("sslpassword")}
	if dsn.HasPassword(given) {
		for _, p := range d.parameters {
			if slices.Contains(settings, strings.ToLower(p.Key)) || strings.HasPrefix(p.Key, "krb") {
				all = append(all, p.Value)
			}
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return len(s) < worthMasking })
}

// alive checks a connection before it is used again. One that was closed meanwhile, by a pooler's idle timeout or
// because the server is another one now, is replaced. That is no failure of the database. The check may take half of the
// run's time, so that the other half is left for a new connection if nobody answers on the old one.
func alive(ctx context.Context, c *pgx.Conn) error {
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

// reason maps PostgreSQL's error codes (SQLSTATE, appendix A of its manual) to the reasons of a failed run.
func reason(err error) probes.Reason {
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
