package postgres

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"chorus/probes/sql/dsn"
)

// choices are the parameters of a connection with the values they can have; nil: any.
var choices = map[string][]string{
	"host": nil, "port": nil, "database": nil, "user": nil, "password": nil, "passfile": nil, "connect_timeout": nil,
	"sslcert": nil, "sslkey": nil, "sslrootcert": nil, "sslpassword": nil, "krbspn": nil, "krbsrvname": nil,
	"require_auth":            nil,
	"sslmode":                 {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"},
	"sslcertmode":             {"disable", "allow", "require"},
	"sslnegotiation":          {"postgres", "direct"},
	"sslsni":                  {"0", "1"},
	"channel_binding":         {"disable", "prefer", "require"},
	"target_session_attrs":    {"any", "read-write", "read-only", "primary", "standby", "prefer-standby"},
	"min_protocol_version":    {"3.0", "3.2", "latest"},
	"max_protocol_version":    {"3.0", "3.2", "latest"},
	"default_query_exec_mode": {"exec", "simple_protocol"}, // the other modes are ignored
}

// settings are the server's settings that a connection string can carry directly; others go into options.
var settings = []string{
	"application_name", "bytea_output", "client_encoding", "client_min_messages", "datestyle",
	"default_transaction_deferrable", "default_transaction_isolation", "default_transaction_read_only",
	"extra_float_digits", "idle_in_transaction_session_timeout", "idle_session_timeout", "intervalstyle", "jit",
	"lock_timeout", "options", "role", "row_security", "search_path", "standard_conforming_strings", "statement_timeout",
	"tcp_keepalives_count", "tcp_keepalives_idle", "tcp_keepalives_interval", "timezone", "transaction_timeout", "work_mem",
}

// ignoredParameters are parameters that other clients know and that mean nothing to a probe. Sent to the server, they would
// make it refuse the connection. Those of the statement cache would leave prepared statements in a session, which a pooler
// in transaction mode gives to somebody else.
var ignoredParameters = []string{
	"binary_parameters", "description_cache_capacity", "fallback_application_name", "gssdelegation", "gssencmode", "gsslib",
	"keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts",
	"pool_health_check_period", "pool_max_conn_idle_time", "pool_max_conn_lifetime", "pool_max_conn_lifetime_jitter",
	"pool_max_conns", "pool_min_conns", "pool_min_idle_conns", "pool_ping_timeout", "sslcompression",
	"statement_cache_capacity", "tcp_user_timeout",
}

// refusedParameters are parameters that a connection needs, and that are not supported.
var refusedParameters = map[string]string{
	"service":                  "write host, user and dbname into the dsn",
	"servicefile":              "write host, user and dbname into the dsn",
	"replication":              "remove it",
	"requirepeer":              "remove it",
	"requiressl":               "use sslmode=require",
	"sslcrl":                   "remove it",
	"sslcrldir":                "remove it",
	"ssl_min_protocol_version": "remove it, at least TLS 1.2 is used",
	"ssl_max_protocol_version": "remove it",
}

// names returns every name that a connection string can have, for suggestions.
func names() []string {
	names := slices.Clone(settings)
	for name := range choices {
		names = append(names, name)
	}
	slices.Sort(names)
	names[slices.Index(names, "database")] = "dbname"
	return names
}

// settle removes the parameters that are ignored, each with a warning, and returns the fault of the others.
func (d *parsedDSN) settle(given string) (warnings []string, err error) {
	kept := d.parameters[:0:0]
	for _, p := range d.parameters {
		switch ignored, err := checkParameter(given, p); {
		case err != nil:
			return nil, err
		case ignored:
			warnings = append(warnings, fmt.Sprintf("%s is ignored: a probe neither prepares statements nor pools; remove it", p.Key))
		default:
			kept = append(kept, p)
		}
	}
	d.parameters = kept
	return warnings, d.checkHosts()
}

// checkParameter reports whether a parameter is ignored, or its fault.
func checkParameter(given string, p dsn.Parameter) (ignored bool, err error) {
	if dsn.BareVariable(p.Value) {
		return false, dsn.ErrVariable
	}
	if fix, ok := refusedParameters[p.Key]; ok {
		return false, fmt.Errorf("%s is not supported; %s", p.Key, fix)
	}
	choices, known := choices[p.Key]
	switch {
	case p.Key == "default_query_exec_mode" && !slices.Contains(choices, p.Value):
		return true, nil
	case slices.Contains(ignoredParameters, p.Key):
		return true, nil
	case len(choices) > 0 && !slices.Contains(choices, p.Value):
		return false, fmt.Errorf("invalid %s; use %s", p.Key, strings.Join(choices, ", "))
	case known:
		return false, valueFault(p)
	case slices.Contains(settings, strings.ToLower(p.Key)), strings.Contains(p.Key, "."):
		return false, nil
	}
	text := dsn.UnknownParameter(given, p.Key, names())
	if !strings.HasSuffix(text, "?") {
		text += "; pass a setting of the server in options, such as options='-c jit=off'"
	}
	return false, errors.New(text)
}

// valueFault returns the fault of a value that is not one of a few words.
func valueFault(p dsn.Parameter) error {
	switch p.Key {
	case "connect_timeout":
		if n, err := strconv.Atoi(p.Value); err != nil || n < 0 {
			return errors.New("invalid connect_timeout; write a number of seconds")
		}
	case "user":
		if strings.Contains(p.Value, ":") {
			return errors.New(`":" in the user; write the password after the user as user:password, or use password_file`)
		}
	case "database":
		if strings.Contains(p.Value, "://") {
			return errors.New("dbname is a URL; write the URL as dsn")
		}
	case "sslcert", "sslkey", "sslrootcert", "passfile":
		if p.Key == "sslrootcert" && p.Value == "system" {
			return nil
		}
		f, err := os.Open(p.Value)
		if err != nil {
			return fmt.Errorf("%s cannot be read: %w; fix the path", p.Key, dsn.Pathless(err))
		}
		return f.Close()
	}
	return nil
}

// environment maps the variables that PostgreSQL's clients read to the parameters they stand for.
var environment = []struct{ variable, parameter string }{
	{"PGAPPNAME", "application_name"},
	{"PGCHANNELBINDING", "channel_binding"},
	{"PGCONNECT_TIMEOUT", "connect_timeout"},
	{"PGDATABASE", "database"},
	{"PGMAXPROTOCOLVERSION", "max_protocol_version"},
	{"PGMINPROTOCOLVERSION", "min_protocol_version"},
	{"PGOPTIONS", "options"},
	{"PGPASSWORD", "password"},
	{"PGREQUIREAUTH", "require_auth"},
	{"PGSERVICE", "service"},
	{"PGSSLCERT", "sslcert"},
	{"PGSSLCERTMODE", "sslcertmode"},
	{"PGSSLKEY", "sslkey"},
	{"PGSSLMODE", "sslmode"},
	{"PGSSLNEGOTIATION", "sslnegotiation"},
	{"PGSSLPASSWORD", "sslpassword"},
	{"PGSSLROOTCERT", "sslrootcert"},
	{"PGSSLSNI", "sslsni"},
	{"PGTARGETSESSIONATTRS", "target_session_attrs"},
	{"PGTZ", "timezone"},
	{"PGUSER", "user"},
}

// environmentWarnings names the variables that fill in what the DSN leaves out.
func (d parsedDSN) environmentWarnings(password bool) []string {
	var out []string
	for _, v := range environment {
		if os.Getenv(v.variable) == "" || d.get(v.parameter) != "" || v.parameter == "password" && password {
			continue
		}
		fix := "write " + v.parameter + " into the dsn"
		switch v.parameter {
		case "password":
			fix = "use password_env: PGPASSWORD"
		case "database":
			fix = "write dbname into the dsn"
		case "service":
			fix = "unset it"
		}
		out = append(out, fmt.Sprintf("uses %s from the environment; %s", v.variable, fix))
	}
	if d.get("user") == "" && os.Getenv("PGUSER") == "" {
		out = append(out, "no user, so the exporter connects as its operating-system user; add the user")
	}
	return out
}
