// Package dsn has what the connection strings of all databases have in common: what is never part of one, percent-encoding,
// hiding passwords, and naming unknown parameters without telling a secret.
package dsn

import (
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/agnivade/levenshtein"
)

// Errors that every kind of DSN has. None of them quotes the DSN: it may hold a password anywhere.
var (
	// ErrVariable says that variables are not expanded.
	ErrVariable = errors.New("contains a variable, but variables are not expanded; write the value, and use " +
		"password_file or password_env for a password")
	errControl = errors.New("contains a control character; remove it, or percent-encode it")
	errEscape  = errors.New(`invalid percent-encoding; write "%" as %25`)
)

var (
	// variable finds what a shell or a template would have replaced: ${NAME}, $(NAME), {{ … }}.
	variable = regexp.MustCompile(`\$\{[^}]*\}|\$\([^)]*\)|\{\{.*\}\}`)
	// bareVariable is a whole value that a shell would have replaced.
	bareVariable = regexp.MustCompile(`^\$[A-Z_][A-Z0-9_]*$`)
	schemeForm   = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*):`)
)

// foreignSchemes are what other programs' connection strings begin with. Only these are quoted in an error: what stands
// before the first colon of an unknown string may be a secret.
var foreignSchemes = []string{
	"jdbc", "odbc", "http", "https", "tcp", "udp", "unix", "file", "sqlite", "sqlite3", "postgres", "postgresql", "pgsql",
	"psql", "pg", "mysql", "mariadb", "sqlserver", "mssql", "oracle", "mongodb", "redis", "cockroachdb", "cockroach",
	"postgresql+psycopg2", "postgresql+asyncpg", "postgres+ssl", "libsql", "ftp", "ssh",
}

// Check returns the fault of a DSN that needs no parsing to be seen.
func Check(dsn string) error {
	switch {
	case variable.MatchString(dsn):
		return ErrVariable
	case strings.ContainsFunc(dsn, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }):
		return errControl
	}
	return nil
}

// PercentDecode decodes %XX. Unlike net/url it leaves "+" alone, as PostgreSQL and SQLite do.
func PercentDecode(text string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", errEscape
		}
		high, low := strings.IndexByte(hexDigits, lower(text[i+1])), strings.IndexByte(hexDigits, lower(text[i+2]))
		switch {
		case high < 0 || low < 0:
			return "", errEscape
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

// Parameter is one key with its value in a DSN.
type Parameter struct{ Key, Value string }

// maxCompared is the length of the longest name that is compared with others.
const maxCompared = 100

// Similar returns the known name that name was probably meant to be; "" if none is similar.
func Similar(name string, known []string) string {
	best, least := "", max(1, len(name)/4)+1
	for _, k := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(name), k); len(name) <= maxCompared && d < least {
			best, least = k, d
		}
	}
	return best
}

// plainName is the name of a parameter that can be shown, unless the DSN holds a password of which it may be a part.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]{0,39}$`)

// UnknownParameter describes a parameter that is not supported. The name is left out if it could belong to a secret.
func UnknownParameter(dsn, name string, known []string) string {
	text := "unknown parameter"
	if plainName.MatchString(name) && !HasPassword(dsn) {
		text += ` "` + name + `"`
	} else {
		text += " (name not shown, it could belong to a password)"
	}
	if near := Similar(name, known); near != "" {
		text += `; did you mean "` + near + `"?`
	}
	return text
}

// Scheme returns the scheme that a text begins with, in lower case, and what follows its colon.
func Scheme(text string) (scheme, rest string, ok bool) {
	m := schemeForm.FindStringSubmatch(text)
	if m == nil {
		return "", text, false
	}
	return strings.ToLower(m[1]), text[len(m[0]):], true
}

// Foreign reports whether a name is the scheme or the driver of some program's connection strings, so that it may be quoted
// in an error.
func Foreign(scheme string) bool { return slices.Contains(foreignSchemes, scheme) }

// BareVariable reports whether a whole value is what a shell would have replaced, such as $HOST.
func BareVariable(value string) bool { return bareVariable.MatchString(value) }

// Pathless returns a file system's error without the path, which may be a secret in the wrong place.
func Pathless(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
