package main

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
)

// Errors that every kind of DSN has. None of them quotes the DSN: it may hold a password anywhere.
var (
	errDSNVariable = errors.New("contains a variable, but variables are not expanded; write the value, and use " +
		"password_file or password_env for a password")
	errDSNControl = errors.New("contains a control character; remove it, or percent-encode it")
	errDSNEscape  = errors.New(`invalid percent-encoding; write "%" as %25`)
)

var (
	// dsnVariable finds what a shell or a template would have replaced: ${NAME}, $(NAME), {{ … }}.
	dsnVariable = regexp.MustCompile(`\$\{[^}]*\}|\$\([^)]*\)|\{\{.*\}\}`)
	// bareVariable is a whole value that a shell would have replaced.
	bareVariable = regexp.MustCompile(`^\$[A-Z_][A-Z0-9_]*$`)
	dsnScheme    = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*):`)
)

// foreignSchemes are what other programs' connection strings begin with. Only these are quoted in an error: what stands
// before the first colon of an unknown string may be a secret.
var foreignSchemes = []string{
	"jdbc", "odbc", "http", "https", "tcp", "udp", "unix", "file", "sqlite", "sqlite3", "postgres", "postgresql", "pgsql",
	"psql", "pg", "mysql", "mariadb", "sqlserver", "mssql", "oracle", "mongodb", "redis", "cockroachdb", "cockroach",
	"postgresql+psycopg2", "postgresql+asyncpg", "postgres+ssl", "libsql", "ftp", "ssh",
}

// checkDSNText returns the fault of a DSN that needs no parsing to be seen.
func checkDSNText(dsn string) error {
	switch {
	case dsnVariable.MatchString(dsn):
		return errDSNVariable
	case strings.ContainsFunc(dsn, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }):
		return errDSNControl
	}
	return nil
}

// percentDecode decodes %XX. Unlike net/url it leaves "+" alone, as PostgreSQL and SQLite do.
func percentDecode(text string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", errDSNEscape
		}
		high, low := strings.IndexByte(hexDigits, lower(text[i+1])), strings.IndexByte(hexDigits, lower(text[i+2]))
		switch {
		case high < 0 || low < 0:
			return "", errDSNEscape
		case high == 0 && low == 0:
			return "", errors.New("contains %00; remove it")
		}
		b.WriteByte(byte(high<<4 | low))
		i += 2
	}
	return b.String(), nil
}

const hexDigits = "0123456789abcdef"

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// parameter is one key with its value in a DSN.
type parameter struct{ key, value string }

// similarName returns the known name that name was probably meant to be; "" if none is similar.
func similarName(name string, known []string) string {
	best, least := "", max(1, len(name)/4)+1
	for _, k := range known {
		if d := distance(strings.ToLower(name), k); d < least {
			best, least = k, d
		}
	}
	return best
}

// plainName is the name of a parameter that can be shown, unless the DSN holds a password of which it may be a part.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]{0,39}$`)

// unknownParameter describes a parameter that is not supported. The name is left out if it could belong to a secret.
func unknownParameter(dsn Secret, name string, known []string) string {
	text := "unknown parameter"
	if plainName.MatchString(name) && !dsn.hasPassword() {
		text += ` "` + name + `"`
	} else {
		text += " (name not shown, it could belong to a password)"
	}
	if near := similarName(name, known); near != "" {
		text += `; did you mean "` + near + `"?`
	}
	return text
}
