package main

import (
	"encoding/base64"
	be "encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// secrets are passwords with odd characters, none of which has five characters in a row that occur by chance.
type secrets struct {
	r   *rand.Rand
	all []string
}

// next makes one more: letters in twos, and what parsers stumble over in between.
func (s *secrets) next() string {
	const letters = "qxzjkvwQXZJKVW79"
	odd := []rune("@:/?#[]%&=+ '\"\\$!,;~{}<>|^`ü")
	var b strings.Builder
	for range 5 {
		b.WriteByte(letters[s.r.IntN(len(letters))])
		b.WriteByte(letters[s.r.IntN(len(letters))])
		b.WriteRune(odd[s.r.IntN(len(odd))])
	}
	s.all = append(s.all, b.String()+"q7")
	return s.all[len(s.all)-1]
}

// told returns a part of a secret that a text holds, as it is or as JSON, Go, URLs and base64 write it.
func (s *secrets) told(text string) string {
	for _, secret := range s.all {
		quoted, _ := json.Marshal(secret)
		for _, form := range []string{
			secret, strings.Trim(string(quoted), `"`), strings.Trim(strconv.Quote(secret), `"`), url.QueryEscape(secret),
			inURL(secret), base64.StdEncoding.EncodeToString([]byte(secret))[:20],
		} {
			if part := betrayed(text, form); part != "" {
				return part
			}
		}
	}
	return ""
}

// inURL escapes all that means something in a URL.
func inURL(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// passwordAsker is a server that asks for a password as PostgreSQL does, and tells it in the error that it answers.
func passwordAsker(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go askForPassword(conn)
		}
	}()
	return l.Addr().String()
}

func askForPassword(conn net.Conn) {
	defer conn.Close()
	message := func(kind bool) []byte {
		head := make([]byte, 4)
		if kind {
			head = make([]byte, 5)
		}
		if _, err := io.ReadFull(conn, head); err != nil {
			return nil
		}
		body := make([]byte, min(be.BigEndian.Uint32(head[len(head)-4:])-4, 1<<16))
		_, _ = io.ReadFull(conn, body)
		return body
	}
	if len(message(false)) == 4 { // it asks for TLS first
		_, _ = conn.Write([]byte("N"))
		message(false)
	}
	_, _ = conn.Write([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 3})
	password := strings.TrimRight(string(message(true)), "\x00")
	text := "SFATAL\x00C28P01\x00Mpassword authentication failed with " + password + "\x00\x00"
	_, _ = conn.Write(append(be.BigEndian.AppendUint32([]byte{'E'}, uint32(len(text)+4)), text...))
}

// secretConfig has a secret wherever the configuration takes one, and checks that all fail.
func secretConfig(t *testing.T, s *secrets) (config string, env []string) {
	t.Helper()
	server, nobody := passwordAsker(t), closedPort(t)
	host, port, _ := net.SplitHostPort(server)
	keyword := func(p string) string {
		return fmt.Sprintf("host=%s port=%s user=health dbname=orders sslmode=disable password='%s'", host, port,
			strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(p))
	}
	escaped := func(address, p string) string {
		return fmt.Sprintf("postgres://health:%s@%s/orders?sslmode=disable", inURL(p), address)
	}
	var b strings.Builder
	b.WriteString("evaluation_interval: 200ms\ndisable: [resource-health]\ndatabases:\n")
	for i, dsn := range []string{
		escaped(server, s.next()), escaped(nobody, s.next()), keyword(s.next()),
		fmt.Sprintf("postgres://health@%s/orders?sslmode=disable&password=%s", server, url.QueryEscape(s.next())),
		fmt.Sprintf("postgres://health:%s@%s/orders?sslmode=require", inURL(s.next()), server),
	} {
		fmt.Fprintf(&b, "  - {name: db%d, driver: postgres, dsn: %q}\n", i, dsn)
	}
	plain := fmt.Sprintf("postgres://health@%s/orders?sslmode=disable", server)
	fmt.Fprintf(&b, "  - {name: from-file, driver: postgres, dsn: %q, password_file: %q}\n", plain, write(t, "password", s.next()+"\n"))
	fmt.Fprintf(&b, "  - {name: from-env, driver: postgres, dsn: %q, password_env: DB_PASSWORD}\n", plain)
	env = []string{"DB_PASSWORD=" + s.next()}
	hook := fmt.Sprintf("http://me:%s@%s/stop?token=%s", inURL(s.next()), nobody, url.QueryEscape(s.next()))
	fmt.Fprintf(&b, "shutdown:\n  mode: hooks\n  drain_delay: 0s\n  hooks:\n  - name: tell\n    when: always\n    post: "+
		"{url: %q, bearer_token_file: %q, retries: 1}\n", hook, write(t, "token", s.next()+"\n"))
	b.WriteString("checks:\n")
	for _, name := range []string{"db0", "db1", "db2", "db3", "db4", "from-file", "from-env"} {
		fmt.Fprintf(&b, "  %s: {interval: 1s, timeout: 900ms}\n", name)
	}
	return b.String(), env
}

// misplacedSecrets are configurations that are refused, with a secret where a parser takes it for something else.
func misplacedSecrets(s *secrets) []string {
	var out []string
	database := func(format string, args ...any) {
		out = append(out, "databases:\n  - {name: db, driver: postgres, "+fmt.Sprintf(format, args...)+"}\n")
	}
	for _, form := range dsnForms() {
		database("dsn: %q", form(s.next()))
	}
	const dsn = `dsn: "postgres://health@db/orders"`
	database("dsn: [%q]", "postgres://health:"+s.next()+"@db/orders")
	database("dsn: {url: %q}", "postgres://health:"+s.next()+"@db/orders")
	database("%s, password: %q", dsn, s.next())
	database("%s, pasword_file: %q", dsn, s.next())
	database("%s, password_file: [%q]", dsn, s.next())
	database("%s, password_env: %q", dsn, s.next())
	database("dsn: %q, dsn: %q", "postgres://health:"+inURL(s.next())+"@db/orders", "postgres://health@db/orders")
	out = append(out,
		fmt.Sprintf("databases: %q\n", "postgres://health:"+s.next()+"@db/orders"),
		fmt.Sprintf("databases: [%q]\n", "postgres://health:"+s.next()+"@db/orders"),
		fmt.Sprintf("databases:\n  - {name: db, driver: postgres, dsn: postgres://health:%s@db/orders\n", s.next()),
		fmt.Sprintf("shutdown: {hooks: [{name: tell, post: {url: [%q]}}]}\n", "http://me:"+s.next()+"@h/stop"),
		fmt.Sprintf("shutdown: {mode: hooks, hooks: [{name: tell, post: {url: %q}}]}\n", "http://me:"+s.next()+"@h/stop"),
		fmt.Sprintf("shutdown: {mode: hooks, hooks: [{name: tell, post: {url: %q}}]}\n", "ftp://me:"+inURL(s.next())+"@h/stop"),
	)
	return out
}

// Whatever an exporter is asked, and whatever it logs, no part of a secret is in it: while checks fail with the errors of
// a server that repeats the password, after reloads of every kind, and while hooks run.
func TestNoOutputTellsASecret(t *testing.T) {
	t.Parallel()
	s := &secrets{r: rand.New(rand.NewPCG(7, 9))}
	config, env := secretConfig(t, s)
	file := write(t, "chorus.yml", config)
	cmd := exec.Command(binary, "--web.listen-address=127.0.0.1:0", "--config.file="+file, "--log.level=debug",
		"--web.enable-lifecycle", "--web.enable-pprof")
	cmd.Env = append(os.Environ(), env...)
	c := startCommand(t, cmd)
	names := []string{"db0", "db1", "db2", "db3", "db4", "from-file", "from-env"}
	failed := func() bool {
		_, h := c.health("/health")
		return !slices.ContainsFunc(names, func(name string) bool { return h.Checks[name].Error == "" })
	}
	c.eventually("every check has failed", failed)
	search := func(what, text string) {
		t.Helper()
		if part := s.told(text); part != "" {
			t.Errorf("%s tells %q: %s", what, part, text)
		}
	}
	outputs := func(when string) {
		t.Helper()
		for _, path := range secretPaths(names) {
			code, body := c.get(path)
			search(fmt.Sprintf("%s, %s", path, when), body)
			if code == http.StatusNotFound {
				t.Errorf("%s is not found", path)
			}
		}
		for _, accept := range []string{"application/openmetrics-text; version=1.0.0", "application/vnd.google.protobuf; " +
			"proto=io.prometheus.client.MetricFamily; encoding=delimited", "text/html"} {
			for _, path := range []string{"/metrics", "/health", "/"} {
				search(path+" as "+accept, c.getAs(path, accept))
			}
		}
	}
	outputs("while all checks fail")
	reload := func(config string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post(c.url+"/-/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		search("the answer to a reload", string(answer))
	}
	for _, mistake := range misplacedSecrets(s) {
		reload("evaluation_interval: 200ms\n" + mistake)
		text, _ := exec.Command(binary, "--config.file="+file, "--config.check").CombinedOutput()
		search("--config.check", string(text))
	}
	reload(config)
	c.eventually("every check has failed again", failed)
	outputs("after the reloads")
	c.signal(syscall.SIGTERM)
	c.exit()
	search("the log", c.log.String())
	if !strings.Contains(c.log.String(), "component=tell") {
		t.Error("the hook did not run")
	}
}

// secretPaths is everything that the exporter answers at.
func secretPaths(checks []string) []string {
	paths := []string{
		"/", "/health", "/health/ready", "/health/live", "/health/checks", "/health/summary",
		"/health/shutdown", "/metrics", "/config", "/runbooks/", "/-/ready", "/debug/pprof/cmdline",
	}
	for _, name := range checks {
		paths = append(paths, "/health/checks/"+name)
	}
	return paths
}

// getAs asks for a path with an Accept header.
func (c *child) getAs(path, accept string) string {
	c.t.Helper()
	req, err := http.NewRequest(http.MethodGet, c.url+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(body)
}
