package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestSecretNeverShows(t *testing.T) {
	for _, tt := range []struct{ name, dsn, shown string }{
		{"url", "postgres://me:s3cr3t@db:5432/orders?sslmode=require", "postgres://me:<secret>@db:5432/orders"},
		{"empty password", "postgres://me:@db/orders", "postgres://me:<secret>@db/orders"},
		{"no password", "postgres://me@db:5432/orders?sslmode=require", "postgres://me@db:5432/orders?sslmode=require"},
		{"at sign in it", "postgres://me:s3c@r3t@db/orders", "postgres://me:<secret>@db/orders"},
		{"slash in it", "postgres://me:1/s3cr3t@db/orders", "<secret>"},
		{"hash in it", "postgres://me:1#s3cr3t@db/orders", "<secret>"},
		{"in the query", "postgres://me@db/orders?password=s3cr3t", "postgres://me:<secret>@db/orders"},
		{"key encoded", "postgres://me@db/orders?p%61ssword=s3cr3t", "postgres://me:<secret>@db/orders"},
		{"key of TLS", "postgres://me@db/orders?sslpassword=s3cr3t", "postgres://me:<secret>@db/orders"},
		{"words", "host=db user=me password=s3cr3t dbname=orders", "<secret>"},
		{"words with spaces", "host=db Password = 's3c r3t'", "<secret>"},
		{"words without", "host=db user=me dbname=passengers", "host=db user=me dbname=passengers"},
		{"at sign and slash in it", "postgres://me:s3c@r3t/more@db/orders", "<secret>"},
		{"at sign and question mark in it", "postgres://me:s3c@r3t?more@db/orders", "<secret>"},
		{"colon encoded", "postgres://me%3As3cr3t:x@db/orders", "<secret>"},
		{"no host", "postgres://me:s3cr3t/orders", "<secret>"},
		{"other name", "postgres://me@db/orders?pass=s3cr3t", "postgres://me:<secret>@db/orders"},
		{"other name in words", "host=db passwd=s3cr3t", "<secret>"},
		{"file", "file:/var/lib/a:b@c.db?mode=rw", "file:/var/lib/a:b@c.db?mode=rw"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Secret(tt.dsn)
			if got := s.String(); got != tt.shown {
				t.Errorf("shown as %q, want %q", got, tt.shown)
			}
			asJSON, _ := json.Marshal(s)
			asYAML, _ := yaml.Marshal(Database{DSN: s})
			for _, text := range []string{
				fmt.Sprintf("%v %+v %#v %s %q", s, Database{DSN: s}, Database{DSN: s}, s, s), string(asJSON), string(asYAML),
			} {
				for _, part := range []string{"s3c", "r3t"} {
					if strings.Contains(text, part) {
						t.Errorf("%q tells %q", text, part)
					}
				}
			}
		})
	}
}

// A hook's URL may carry a token as a parameter or as the user: the page that shows the configuration tells neither.
func TestHookURLIsShownWithoutSecrets(t *testing.T) {
	for url, want := range map[string]string{
		"http://node/stop":                 "http://node/stop",
		"http://node/stop?token=s3cr3t":    "http://node/stop?<secret>",
		"https://s3cr3t@node:81/a%20b":     "https://<secret>@node:81/a%20b",
		"https://s3cr3t@node/?k=s3cr3t":    "https://<secret>@node/?<secret>",
		"https://me:s3cr3t@node/?k=s3cr3t": "https://me:<secret>@node/",
	} {
		s := Shutdown{Hooks: []Hook{{Post: HookPost{URL: Secret(url)}}}}
		if got := s.shown(false).Hooks[0].Post.URL.String(); got != want {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
		if string(s.Hooks[0].Post.URL) != url {
			t.Errorf("%s was changed to %s", url, s.Hooks[0].Post.URL)
		}
	}
}
