package sql

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	redacted = "<redacted>"
	// withheld stands for a text with a secret so short that masking it would show where its letters are, and so tell it.
	withheld     = "error text withheld: it contains a secret of fewer than 4 characters"
	shortSecret  = 4
	dsnsRemember = 8 // a rotated password may still stand in an error about the connection before
)

// secrets masks what must not be shown.
type secrets struct {
	fixed []string

	mu   sync.Mutex
	dsns [][]string // secrets of the newest DSNs, oldest first
}

func newSecrets(fixed []string) *secrets { return &secrets{fixed: spellings(fixed)} }

// addDSN learns the secrets of a DSN that is about to be used.
func (s *secrets) addDSN(dsn string) {
	found := dsnSecrets(dsn)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.dsns); n > 0 && slices.Equal(s.dsns[n-1], found) {
		return
	}
	if len(s.dsns) == dsnsRemember {
		s.dsns = s.dsns[1:]
	}
	s.dsns = append(s.dsns, found)
}

// mask returns text without any of the secrets.
func (s *secrets) mask(text string) string {
	s.mu.Lock()
	all := slices.Concat(s.dsns...)
	s.mu.Unlock()
	all = append(all, s.fixed...)
	// Longest first: a DSN holds its password, and would be found no more once that is masked.
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, secret := range all {
		switch {
		case !strings.Contains(text, secret):
		case len(secret) < shortSecret:
			return withheld
		default:
			text = strings.ReplaceAll(text, secret, redacted)
		}
	}
	return text
}

// dsnPasswords find passwords in a DSN: key=value with quotes, without, within a URL's query, and user:password@host.
var dsnPasswords = []*regexp.Regexp{
	regexp.MustCompile(`(?i)(?:password|passwd|pwd)\s*=\s*'((?:[^'\\]|\\.)*)'`),
	regexp.MustCompile(`(?i)(?:password|passwd|pwd)\s*=\s*((?:[^\s\\']|\\.)(?:[^\s\\]|\\.)*)`),
	regexp.MustCompile(`(?i)(?:password|passwd|pwd)\s*=\s*([^\s;&'][^\s;&]*)`),
	regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9+.-]*://)?[^:@/]*:(.*)@`),
}

// backslashed is a character of a key=value DSN that a backslash protects.
var backslashed = regexp.MustCompile(`\\(.)`)

// dsnSecrets are a DSN, and every password in it as written and as meant.
func dsnSecrets(dsn string) []string {
	found := []string{dsn}
	for _, form := range dsnPasswords {
		for _, m := range form.FindAllStringSubmatch(dsn, -1) {
			found = append(found, m[1], backslashed.ReplaceAllString(m[1], "$1"))
			if meant, err := url.QueryUnescape(m[1]); err == nil {
				found = append(found, meant)
			}
		}
	}
	if u, err := url.Parse(dsn); err == nil && u.User != nil {
		password, _ := u.User.Password()
		found = append(found, password)
	}
	return spellings(found)
}

// spellings are secrets as an error text may write them: plain, quoted by %q, escaped in a URL.
func spellings(plain []string) []string {
	var all []string
	for _, s := range plain {
		quoted := strconv.Quote(s)
		all = append(all, s, quoted[1:len(quoted)-1], url.PathEscape(s), url.QueryEscape(s))
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(s string) bool { return s == "" })
}
