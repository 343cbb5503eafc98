package dsn

import (
	"strings"
	"testing"
)

func TestPercentDecode(t *testing.T) {
	for given, want := range map[string]string{
		"": "", "a+b": "a+b", "p%40ss": "p@ss", "%c3%BC": "ü", "%2525": "%25",
	} {
		if got, err := PercentDecode(given); err != nil || got != want {
			t.Errorf("%q is %q, %v, want %q", given, got, err, want)
		}
	}
	for _, given := range []string{"%", "%4", "%zz", "a%0g", "%00"} {
		if got, err := PercentDecode(given); err == nil {
			t.Errorf("%q is %q, want an error", given, got)
		}
	}
}

func TestScheme(t *testing.T) {
	for _, tt := range []struct {
		given, scheme, rest string
		ok                  bool
	}{
		{"POSTGRES://h/d", "postgres", "//h/d", true},
		{"jdbc:postgresql://h", "jdbc", "postgresql://h", true},
		{"/var/lib/a:b.db", "", "/var/lib/a:b.db", false},
		{"host=h", "", "host=h", false},
	} {
		if scheme, rest, ok := Scheme(tt.given); scheme != tt.scheme || rest != tt.rest || ok != tt.ok {
			t.Errorf("%q: %q, %q, %v", tt.given, scheme, rest, ok)
		}
	}
}

// A name is told only where no password can have been split into it.
func TestUnknownParameter(t *testing.T) {
	known := []string{"sslmode", "host"}
	for _, tt := range []struct{ text, name, want string }{
		{"postgres://me@h/d?sslmod=x", "sslmod", `unknown parameter "sslmod"; did you mean "sslmode"?`},
		{"postgres://me:s3c&r3t=@h/d", "r3t", "unknown parameter (name not shown, it could belong to a password)"},
		{"postgres://me@h/d?x y=1", "x y", "unknown parameter (name not shown, it could belong to a password)"},
	} {
		if got := UnknownParameter(tt.text, tt.name, known); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.text, got, tt.want)
		}
	}
	if got := Similar(strings.Repeat("sslmode", 1000), known); got != "" {
		t.Errorf("a name of 7000 letters is like %q", got)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("CorrectHorse")
	f.Add("a/b?c#d@e:f")
	f.Fuzz(func(t *testing.T, password string) {
		if len(password) < 5 || strings.Contains("postgres://me:<secret>@db.example:5432/orders", password) {
			return
		}
		if got := Redact("postgres://me:" + password + "@db.example:5432/orders"); strings.Contains(got, password) {
			t.Errorf("%q tells the password", got)
		}
	})
}
