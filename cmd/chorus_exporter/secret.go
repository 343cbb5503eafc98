package main

import (
	"net/url"

	"chorus/probes/sql/dsn"
)

// redacted replaces a secret.
const redacted = dsn.Redacted

// Secret is a connection string or a URL that may contain a password. Printing, logging and marshaling leave the password
// out; only a conversion to string gives it.
type Secret string

// String returns the connection string without its password.
func (s Secret) String() string {
	return dsn.Redact(string(s))
}

// withoutQuery returns the URL of a hook as it can be shown: services take a token as a parameter, or as the user.
func (s Secret) withoutQuery() Secret {
	u, err := url.Parse(string(s))
	if err != nil || u.RawQuery == "" && u.User == nil || dsn.HasPassword(string(s)) { // String leaves out even more then
		return s
	}
	out := u.Scheme + "://"
	if u.User != nil {
		out += redacted + "@"
	}
	out += u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		out += "?" + redacted
	}
	return Secret(out)
}

// GoString returns String, for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText returns String, for encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML returns String, for the page that shows the configuration.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }
