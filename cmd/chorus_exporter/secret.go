package main

import (
	"net/url"
	"regexp"
	"strings"
)

// redacted replaces a secret.
const redacted = "<secret>"

// Secret is a connection string or a URL that may contain a password. Printing, logging and marshaling leave the password
// out; only a conversion to string gives it.
type Secret string

// String returns the connection string without its password.
func (s Secret) String() string {
	_, rest, isURL := strings.Cut(string(s), "://")
	u, err := url.Parse(string(s))
	switch {
	case isURL && err != nil && strings.HasPrefix(string(s), "postgres"): // such as user:password without a host
		return redacted
	case !s.hasPassword():
		return string(s)
	case err != nil || u.User == nil || u.Host == "":
		return redacted
	case strings.ContainsAny(rest[strings.IndexAny(rest+"/", "/?#"):], "@") || strings.Contains(u.User.Username(), ":"):
		return redacted // the password may have a "/", and what looks like the host is a part of it
	}
	// Rebuilt from parts that are known to be harmless: cutting a password out of a text is guesswork.
	return u.Scheme + "://" + url.User(u.User.Username()).String() + ":" + redacted + "@" + u.Host + u.EscapedPath()
}

// withoutQuery returns the URL of a hook as it can be shown: services take a token as a parameter, or as the user.
func (s Secret) withoutQuery() Secret {
	u, err := url.Parse(string(s))
	if err != nil || u.RawQuery == "" && u.User == nil || s.hasPassword() { // what has a password is shown without all that
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

// hasPassword reports whether the string contains a password, as far as its two forms, URL and "key=value", show it.
func (s Secret) hasPassword() bool {
	text := string(s)
	if passwordKey.MatchString(text) {
		return true
	}
	_, rest, isURL := strings.Cut(text, "://")
	if !isURL {
		return false
	}
	if u, err := url.Parse(text); err == nil {
		for key := range u.Query() {
			if passwordKey.MatchString(key + "=") {
				return true
			}
		}
	}
	// A password can contain any character, not encoded by mistake: it is between the first colon and the last at sign.
	at := strings.LastIndex(rest, "@")
	return at >= 0 && strings.Contains(rest[:at], ":")
}

// passwordKey finds the parameters password and sslpassword, and what other programs call them, in either form of a
// connection string.
var passwordKey = regexp.MustCompile(`(?i)(pass(word|wd|phrase|wort)?|pwd)\s*=`)
