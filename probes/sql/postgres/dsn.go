package postgres

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"chorus/probes/sql/dsn"
)

// The forms of a PostgreSQL connection string, for error texts.
const (
	urlForm = "postgres://user@host:5432/name"
	forms   = urlForm + ` or "host=… user=… dbname=…"`
)

// encode is the advice for a URL in which a special character of the password is not encoded.
const encode = `percent-encode special characters in user and password, such as "@" as %40 and "/" as %2F, or use ` +
	"password_file"

// parsedDSN is a parsed connection string. Parsing is stricter than libpq's: a string that can be read in two ways is
// an error, because one of them takes a part of the password for a host, a user or a parameter, which are shown.
type parsedDSN struct {
	parameters []dsn.Parameter // in the order of the string; dbname is called database
	isURL      bool
	hasPort    bool // in the URL's host list
}

// get returns the value of a parameter.
func (d parsedDSN) get(key string) string {
	for _, p := range d.parameters {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

// add appends a parameter, or reports a duplicate.
func (d *parsedDSN) add(key, value string) error {
	if key == "dbname" {
		key = "database"
	}
	if slices.ContainsFunc(d.parameters, func(p dsn.Parameter) bool { return p.Key == key }) {
		return errors.New("a parameter is set twice; keep one" + d.hint())
	}
	d.parameters = append(d.parameters, dsn.Parameter{Key: key, Value: value})
	return nil
}

// hint says how to write a password that was split.
func (d parsedDSN) hint() string {
	if d.isURL {
		return ", and " + encode
	}
	return ", and put a password with spaces in single quotes"
}

// String returns the connection string in the form key='value', which has only one reading.
func (d parsedDSN) String() string {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	var b strings.Builder
	for i, p := range d.parameters {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(p.Key + "='" + quote.Replace(p.Value) + "'")
	}
	return b.String()
}

// parse parses a connection string in either form.
func parse(given string) (parsedDSN, error) {
	if err := dsn.Check(given); err != nil {
		return parsedDSN{}, err
	}
	for _, prefix := range []string{"postgres://", "postgresql://"} {
		if rest, ok := strings.CutPrefix(given, prefix); ok {
			return parseURL(rest)
		}
	}
	if scheme, rest, ok := dsn.Scheme(given); ok {
		switch {
		case (scheme == "postgres" || scheme == "postgresql") && strings.HasPrefix(rest, "//"):
			return parsedDSN{}, errors.New("the scheme must be in lower case; write " + urlForm)
		case scheme == "postgres" || scheme == "postgresql":
			return parsedDSN{}, errors.New(`"` + scheme + `:" needs two slashes; write ` + urlForm)
		case dsn.Foreign(scheme):
			return parsedDSN{}, errors.New(`not a PostgreSQL connection string, it begins with "` + scheme + `:"; write ` +
				forms)
		}
	}
	return parseWords(given)
}

// parseURL parses what follows postgres://.
func parseURL(rest string) (parsedDSN, error) {
	d := parsedDSN{isURL: true}
	if strings.ContainsFunc(rest, unicode.IsSpace) {
		return d, errors.New("contains a space; " + encode + ", a space as %20")
	}
	if strings.Count(rest, "@") > 1 {
		return d, errors.New(`more than one "@"; ` + encode)
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, rest := rest[:end], rest[end:]
	if strings.Contains(rest, "@") {
		return d, errors.New(`"@" after the first "/", "?" or "#"; ` + encode)
	}
	if strings.Contains(rest, "#") {
		return d, errors.New(`"#" is not allowed; write it as %23`)
	}
	path, query, _ := strings.Cut(rest, "?")
	err := d.parseAuthority(authority)
	if name := strings.TrimPrefix(path, "/"); err == nil && name != "" {
		err = d.addDecoded("database", name)
	}
	if err == nil {
		err = d.parseQuery(query)
	}
	return d, err
}

// addDecoded adds a parameter whose value is percent-encoded.
func (d *parsedDSN) addDecoded(key, value string) error {
	decoded, err := dsn.PercentDecode(value)
	if err != nil {
		return err
	}
	return d.add(key, decoded)
}

// parseAuthority parses user:password@host:port,host:port.
func (d *parsedDSN) parseAuthority(authority string) error {
	hosts := authority
	if userinfo, after, ok := strings.Cut(authority, "@"); ok {
		hosts = after
		user, password, _ := strings.Cut(userinfo, ":")
		if user != "" {
			if err := d.addDecoded("user", user); err != nil {
				return err
			}
		}
		if password != "" {
			if err := d.addDecoded("password", password); err != nil {
				return err
			}
		}
	}
	if hosts == "" {
		return nil // the query may name the host
	}
	var names, ports []string
	for host := range strings.SplitSeq(hosts, ",") {
		name, port := host, ""
		if strings.HasPrefix(host, "[") {
			var ok bool
			if name, port, ok = strings.Cut(host[1:], "]"); !ok || port != "" && port[0] != ':' {
				return errors.New("invalid IPv6 host; write [address]:port")
			}
			port = strings.TrimPrefix(port, ":")
		} else if i := strings.LastIndexByte(host, ':'); i >= 0 {
			name, port = host[:i], host[i+1:]
		}
		names, ports = append(names, name), append(ports, port)
	}
	if err := d.addDecoded("host", strings.Join(names, ",")); err != nil {
		return err
	}
	if all := strings.Join(ports, ","); strings.Trim(all, ",") != "" {
		d.hasPort = true
		return d.addDecoded("port", all)
	}
	return nil
}

// parseQuery parses key=value&key=value.
func (d *parsedDSN) parseQuery(query string) error {
	if query == "" {
		return nil
	}
	for pair := range strings.SplitSeq(query, "&") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || strings.Contains(value, "=") {
			return errors.New(`each parameter after "?" needs exactly one "="; percent-encode "&" as %26 and "=" as %3D in values`)
		}
		key, err := dsn.PercentDecode(key)
		if err != nil {
			return err
		}
		if key == "ssl" && value == "true" {
			key, value = "sslmode", "require" // as libpq does for JDBC's sake
		}
		if err := d.addDecoded(key, value); err != nil {
			return err
		}
	}
	return nil
}

// checkHosts returns the fault of the hosts and ports.
func (d parsedDSN) checkHosts() error {
	if d.get("host") == "" {
		return errors.New("no host; add one, such as " + urlForm + " or host=/run/postgresql")
	}
	hosts := strings.Split(d.get("host"), ",")
	for _, host := range hosts {
		if err := d.checkHost(host); err != nil {
			return err
		}
	}
	if d.get("port") == "" {
		return nil
	}
	ports := strings.Split(d.get("port"), ",")
	if len(ports) > 1 && len(ports) != len(hosts) {
		return errors.New("the number of ports differs from the number of hosts; set one port, or one for each host")
	}
	for _, port := range ports {
		if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
			return errors.New("invalid port; write a number from 1 to 65535" + d.hint())
		}
	}
	return nil
}

// mayBeUser reports whether what reads as the host may have been meant as the user.
func (d parsedDSN) mayBeUser(host string) bool {
	return d.isURL && d.hasPort && d.get("user") == "" && !strings.Contains(host, ".") && host != "localhost"
}

// checkHost returns the fault of one host. A host is shown in errors, so it must not be a part of a password.
func (d parsedDSN) checkHost(host string) error {
	_, notIP := netip.ParseAddr(host)
	strange := func(r rune) bool {
		return r != '.' && r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}
	switch {
	case host == "":
		return errors.New("empty host in the list of hosts; remove it")
	case strings.Contains(host, "@"):
		return errors.New(`"@" in the host; ` + encode)
	case host[0] == '/':
		return nil // the directory of a Unix socket
	case notIP == nil:
		return nil
	case strings.Contains(host, ":") && !d.isURL:
		return errors.New("invalid host; write the port as port=5432, and an IPv6 address without brackets")
	case len(host) > 253 || strings.ContainsFunc(host, strange):
		return errors.New("invalid host; write a name, an address or the directory of a Unix socket" + d.hint())
	case d.mayBeUser(host): // and its password, if that is a number: user:password/name reads as host:port
		return errors.New("no user; write " + urlForm)
	}
	return nil
}
