package dsn

import (
	"net/url"
	"regexp"
	"strings"
)

// Redacted replaces a secret.
const Redacted = "<secret>"

// Redact returns a connection string or a URL without its password. Where it is not sure what is the password, it returns
// Redacted alone.
func Redact(text string) string {
	_, rest, isURL := strings.Cut(text, "://")
	u, err := url.Parse(text)
	switch {
	case isURL && err != nil && strings.HasPrefix(text, "postgres"): // such as user:password without a host
		return Redacted
	case !HasPassword(text):
		return text
	case err != nil || u.User == nil || u.Host == "":
		return Redacted
	case strings.ContainsAny(rest[strings.IndexAny(rest+"/", "/?#"):], "@") || strings.Contains(u.User.Username(), ":"):
		return Redacted // the password may have a "/", and what looks like the host is a part of it
	}
	// Rebuilt from parts that are known to be harmless: cutting a password out of a text is guesswork.
	return u.Scheme + "://" + url.User(u.User.Username()).String() + ":" + Redacted + "@" + u.Host + u.EscapedPath()
}

// HasPassword reports whether a text contains a password, as far as its two forms, URL and "key=value", show it.
func HasPassword(text string) bool {
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
