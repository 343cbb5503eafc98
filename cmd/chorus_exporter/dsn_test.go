package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// judgeDSN loads a configuration with one database and returns its faults and warnings.
func judgeDSN(t testing.TB, driver, dsn string) (faults, warnings string, c *loaded) {
	t.Helper()
	text, err := yaml.Marshal(map[string]any{"databases": []map[string]any{{"name": "db", "driver": driver, "dsn": dsn}}})
	if err != nil {
		t.Fatal(err)
	}
	if c, err = parseDefaults(); err != nil {
		t.Fatal(err)
	}
	c.parse("chorus.yml", text)
	if err := c.err(); err != nil {
		return err.Error(), "", c
	}
	return "", strings.Join(c.warnings(), "\n"), c
}

// What is refused names the field and how to fix it; what is only doubtful is a warning; the rest says nothing.
func TestDSNs(t *testing.T) {
	const ok, pg, lite = "", "postgres", "sqlite"
	for _, tt := range []struct{ driver, dsn, fault, warning string }{
		{pg, "postgres://u@db.example:5432/orders", ok, ok},
		{pg, "postgresql://u@db.example/orders?sslmode=require", ok, ok},
		{pg, "host=db.example user=u dbname=orders", ok, ok},
		{pg, "host=/run/postgresql user=u dbname=orders", ok, ok},
		{pg, "postgres://u@/orders?host=/run/postgresql", ok, ok},
		{pg, "postgres://u@a.example,b.example/orders", ok, ok},
		{pg, "postgres://u@[::1]:5432/orders", ok, ok},
		{pg, "postgres://u:p%40ss@db.example/orders", ok, ok},
		{pg, "postgres://u@db.example/orders?application_name=health&connect_timeout=3", ok, ok},
		{pg, "jdbc:postgresql://db.example:5432/orders?user=h&password=x", "jdbc", ok},
		{pg, "mysql://u@db.example/orders", "mysql", ok},
		{pg, "http://db.example/orders", "http", ok},
		{pg, "postgresql:orders", "host", ok},
		{pg, "postgres:///orders", "host", ok},
		{pg, "postgres://u@/orders", "host", ok},
		{pg, "dbname=orders", "host", ok},
		{pg, "host= dbname=orders", "host", ok},
		{pg, "orders", "connection string", ok},
		{pg, "postgres://u:${PASSWORD}@db.example/orders", "variable", ok},
		{pg, "postgres://u@${HOST}/orders", "variable", ok},
		{pg, "postgres://u@db.example/orders?sslmod=require", `did you mean "sslmode"?`, ok},
		{pg, "postgres://u@db.example/orders?sslmode=sometimes", "sslmode", ok},
		{pg, "postgres://u:a@b@db.example/orders", "percent-encode", ok},
		{pg, "postgres://u:a@b@127.0.0.1:5432/orders", "percent-encode", ok},
		{pg, "postgres://u:a/b@db.example/orders", "dsn", ok},
		{pg, "postgres://u:a#b@db.example/orders", "dsn", ok},
		{pg, "postgres://u:a?b@db.example/orders", "dsn", ok},
		{pg, "postgres://u@db.example:99999/orders", "port", ok},
		{pg, "postgres://u@db.example:x/orders", "port", ok},
		{pg, "host=db.example user='u", "dsn", ok},
		{pg, "postgres://u@db.example/orders?default_query_exec_mode=cache_statement", ok, "default_query_exec_mode"},
		{pg, "postgres://u@db.example/orders?service=x", "service", ok},
		{pg, "  ", "dsn", ok},
		{lite, "/var/lib/app/app.db", ok, ok},
		{lite, "file:/var/lib/app/app.db?mode=ro", ok, ok},
		{lite, "file:/var/lib/app/app.db?mode=rw", ok, ok},
		{lite, "/var/lib/mode=rwc/app.db", ok, ok},
		{lite, ":memory:", "memory", ok},
		{lite, "file::memory:", "memory", ok},
		{lite, "file::memory:?cache=shared", "memory", ok},
		{lite, "file:/a.db?mode=memory", "memory", ok},
		{lite, "file:/a.db?mode=rwc", "mode", ok},
		{lite, "file:/a.db?mode=%72wc", "mode", ok},
		{lite, "file:/a.db?mode=ro&mode=rwc", "twice", ok},
		{lite, "file:/a.db?vfs=memdb", "vfs", ok},
		{lite, "postgres://u@db/orders", "another database", ok},
		{lite, "file:", "dsn", ok},
		{lite, "file:/${DIR}/a.db", "variable", ok},
	} {
		t.Run(tt.driver+" "+tt.dsn, func(t *testing.T) {
			faults, warnings, _ := judgeDSN(t, tt.driver, tt.dsn)
			if (faults != "") != (tt.fault != "") || !strings.Contains(faults, tt.fault) {
				t.Errorf("faults are %q, want %q", faults, tt.fault)
			}
			if (warnings != "") != (tt.warning != "") || !strings.Contains(warnings, tt.warning) {
				t.Errorf("warnings are %q, want %q", warnings, tt.warning)
			}
			if faults != "" && !strings.HasPrefix(faults, "chorus.yml:") {
				t.Errorf("no place in %q", faults)
			}
		})
	}
}

// betrayed returns a part of the password, five characters or longer, that a text holds. "" if there is none.
func betrayed(text, password string) string {
	for i := 0; i+5 <= len(password); i++ {
		if part := password[i : i+5]; strings.Contains(text, part) {
			return part
		}
	}
	return ""
}

// secretive checks that neither the faults nor the warnings nor the configuration as it is shown tell the password.
func secretive(t *testing.T, driver, dsn, password string) {
	t.Helper()
	faults, warnings, c := judgeDSN(t, driver, dsn)
	var shown []byte
	if faults == "" {
		var err error
		if shown, err = yaml.Marshal(c.Databases); err != nil {
			t.Fatal(err)
		}
	}
	for what, text := range map[string]string{"a fault": faults, "a warning": warnings, "the configuration": string(shown)} {
		if part := betrayed(text, password); part != "" {
			t.Errorf("%s tells %q of the password %q in %q: %s", what, part, password, dsn, text)
		}
	}
}

// dsnForms are the places in which a password stands in a connection string.
func dsnForms() []func(password string) string {
	return []func(string) string{
		func(p string) string { return "postgres://health:" + p + "@127.0.0.1:5432/orders" },
		func(p string) string { return "postgres://health:" + url.QueryEscape(p) + "@127.0.0.1:5432/orders" },
		func(p string) string { return "postgres://health@db/orders?password=" + p },
		func(p string) string { return "host=db user=health password=" + p + " dbname=orders" },
		func(p string) string { return "host=db user=health password='" + p + "' dbname=orders" },
		func(p string) string { return "host=db user=health passwd=" + p },
		func(p string) string { return "jdbc:postgresql://db/orders?user=health&password=" + p },
		func(p string) string { return "mysql://health:" + p + "@db/orders" },
	}
}

// Whatever a parser takes a password for, nothing that loading says tells a part of it.
func TestNoPasswordIsTold(t *testing.T) {
	const letters = "abcdefgXYZ0189@:/?#[]%&=+ '\"\\$!,;~{}<>|^`"
	r := rand.New(rand.NewPCG(1, 2))
	passwords := []string{"p@CorrectHorse", "CorrectHorseBattery", "a/CorrectHorse", "a?CorrectHorse", "1234567", "a b CorrectHorse", "%zzCorrect"}
	for range 200 {
		b := make([]byte, 6+r.IntN(14))
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		passwords = append(passwords, string(b))
	}
	for _, p := range passwords {
		for _, form := range dsnForms() {
			secretive(t, "postgres", form(p), p)
		}
		secretive(t, "sqlite", fmt.Sprintf("file:/a.db?_auth_pass=%s", p), p)
	}
}

func FuzzNoPasswordIsTold(f *testing.F) {
	for i := range dsnForms() {
		f.Add(i, "p@CorrectHorse")
		f.Add(i, "a/b?c#Correct%Horse")
	}
	f.Fuzz(func(t *testing.T, form int, password string) {
		if forms := dsnForms(); form >= 0 && form < len(forms) && len(password) >= 5 && len(password) < 200 &&
			!strings.Contains("postgres://health@127.0.0.1:5432/orders chorus.yml databases dsn password percent-encode", password) {
			secretive(t, "postgres", forms[form](password), password)
		}
	})
}
