package sql

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	for name, c := range map[string]struct {
		dsn, text, want string
		fixed           []string
	}{
		"nothing to mask":    {text: "connection refused", want: "connection refused"},
		"whole URL":          {dsn: "postgres://u:hunter2@db/x", text: "dial postgres://u:hunter2@db/x: no", want: "dial <redacted>: no"},
		"password of a URL":  {dsn: "postgres://u:hunter2@db/x", text: "user u, password hunter2", want: "user u, password <redacted>"},
		"escaped in the URL": {dsn: "postgres://u:hun%40ter@db/x", text: "hun@ter hun%40ter", want: "<redacted> <redacted>"},
		"in the URL's query": {dsn: "postgres://db/x?user=u&password=hunter2&a=b", text: "hunter2", want: "<redacted>"},
		"key and value":      {dsn: "host=db password=hunter2 user=u", text: "hunter2 db", want: "<redacted> db"},
		"quoted value":       {dsn: `host=db password='hun \'ter' user=u`, text: "hun 'ter db", want: "<redacted> db"},
		"backslashed value":  {dsn: `host=db password=hun\ ter user=u`, text: "hun ter db", want: "<redacted> db"},
		"with an ampersand":  {dsn: `host=db password=hun&ter user=u`, text: "hun&ter db", want: "<redacted> db"},
		"MySQL":              {dsn: "u:hun@ter:2@tcp(db:3306)/x", text: "hun@ter:2 db", want: "<redacted> db"},
		"SQL Server":         {dsn: "server=db;pwd=hunter2;x=y", text: "hunter2 db", want: "<redacted> db"},
		"quoted with %q":     {dsn: `u:hun"ter@tcp(db)/x`, text: `bad "hun\"ter"`, want: `bad "<redacted>"`},
		"given":              {fixed: []string{"s3cret", ""}, text: "the s3cret leaks", want: "the <redacted> leaks"},
		"empty password":     {dsn: "postgres://u:@db/x", text: "no password", want: "no password"},
		"short password":     {dsn: "postgres://u:abc@db/x", text: "cabcab", want: withheld},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSecrets(c.fixed)
			if c.dsn != "" {
				s.addDSN(c.dsn)
			}
			if got := s.mask(c.text); got != c.want {
				t.Errorf("mask(%q) = %q, want %q", c.text, got, c.want)
			}
		})
	}
}

func TestMaskRemembersRotatedPasswords(t *testing.T) {
	s := newSecrets(nil)
	for i := range 100 {
		s.addDSN(fmt.Sprintf("postgres://u:password-%02d@db/x", i))
		s.addDSN(fmt.Sprintf("postgres://u:password-%02d@db/x", i))
	}
	if got := s.mask("password-98 password-99"); got != "<redacted> <redacted>" {
		t.Errorf("mask = %q", got)
	}
	if len(s.dsns) != dsnsRemember {
		t.Errorf("%d DSNs are remembered, want %d", len(s.dsns), dsnsRemember)
	}
}

func FuzzMask(f *testing.F) {
	for _, p := range []string{"hunter2", "a b", `q"uo'te`, "p@ss:w/rd", "ümlaut", "x", "50%", "a&b;c"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, password string) {
		// What our own words hold tells nothing; an SQL server takes no line break or control character.
		if password == "" || strings.ContainsFunc(password, func(r rune) bool { return r < ' ' || r == 0xFFFD }) ||
			strings.Contains(redacted+withheld, password) || strings.ContainsAny(password, "<>") {
			t.Skip()
		}
		quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password)
		for _, dsn := range []string{
			(&url.URL{Scheme: "postgres", User: url.UserPassword("u", password), Host: "db"}).String(),
			"host=db password='" + quoted + "' user=u",
			"u:" + password + "@tcp(db)/x",
			"postgres://db/x?password=" + url.QueryEscape(password),
		} {
			s := newSecrets(nil)
			s.addDSN(dsn)
			for _, text := range []string{dsn, password, fmt.Sprintf("%q", dsn), fmt.Sprintf("%q", password)} {
				if got := s.mask("~" + text + "~"); strings.Contains(got, password) {
					t.Errorf("mask(%q) = %q with DSN %q", text, got, dsn)
				}
			}
		}
	})
}
