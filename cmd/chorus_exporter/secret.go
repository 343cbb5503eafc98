package main

import (
	"net/url"
	"regexp"
	"strings"
)

// redacted is what stands in the place of a secret.
const redacted = "<secret>"

// Secret is a connection string that may carry a password. Whatever prints, logs or marshals it gets it without; only
// a conversion to string gives it away.
type Secret string

// String is the connection string without its password.
func (s Secret) String() string {
	if !s.hasPassword() {
		return string(s)
	}
	// Built anew from what is known to be harmless: cutting a password out of a text is guesswork.
	u, err := url.Parse(string(s))
	if err != nil || u.User == nil || u.Host == "" {
		return redacted
	}
	return u.Scheme + "://" + url.User(u.User.Username()).String() + ":" + redacted + "@" + u.Host + u.EscapedPath()
}

// withoutQuery is a URL of a hook as it may be shown: services take a token as a parameter, or in the place of the user.
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

// GoString is String, so that %#v tells nothing either.
func (s Secret) GoString() string { return s.String() }

// MarshalText is String, for encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML is String, for the page that shows the configuration.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// hasPassword says whether the string carries a password, as far as its two forms, URL and "key=value", show.
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
			if strings.Contains(strings.ToLower(key), "password") {
				return true
			}
		}
	}
	// A password may hold any character, unescaped by mistake: everything between the first colon and the last at sign.
	at := strings.LastIndex(rest, "@")
	return at >= 0 && strings.Contains(rest[:at], ":")
}

// passwordKey finds the parameters password and sslpassword in either form of a connection string.
var passwordKey = regexp.MustCompile(`(?i)password\s*=`)
