package shutdown

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Defaults and bounds of PostOptions.
const (
	DefaultPostBackoff = 500 * time.Millisecond
	maxPostBackoff     = 5 * time.Second // it doubles up to here, or to a Backoff that is longer
	maxPostRetries     = 100
	postAttempt        = 5 * time.Second // bound of one attempt with a client of ours
	maxAnswerBytes     = 64 << 10
)

// PostOptions says what to send where.
type PostOptions struct {
	URL string // absolute, http or https; a user and password in it are sent as basic authentication
	// Header is sent along. Content-Type is by default that of JSON if Body is JSON, else of plain text.
	Header  http.Header
	Body    string        // sent as it stands
	Retries int           // attempts after the first, 0 to 100
	Backoff time.Duration // wait before the second attempt, doubled before each other; default DefaultPostBackoff
	// Client sends. Its redirects are not followed, whatever it says. By default it is one without connections that
	// persist, with 5s for every attempt, and with the proxies that the environment names.
	Client *http.Client
}

// NewPost returns a step that sends an HTTP POST until an answer with a status of 2xx comes. Other answers and failed
// connections are retried, but for redirects and for the 4xx that say that the request itself is wrong: all but 408 and
// 429. No error tells the password, the query of the URL, or what is in Header.
func NewPost(o PostOptions) (func(context.Context) error, error) {
	target, err := url.Parse(o.URL)
	switch {
	// What the parser says may quote the password.
	case err != nil, target.Scheme != "http" && target.Scheme != "https", target.Hostname() == "":
		return nil, errors.New("new POST step: URL must be absolute, write http://HOST/PATH or https://HOST/PATH")
	case target.Fragment != "":
		return nil, errors.New("new POST step: URL has a fragment, which is never sent: remove what begins at #")
	case o.Retries < 0 || o.Retries > maxPostRetries:
		return nil, fmt.Errorf("new POST step: Retries %d is out of range, choose from 0 to %d", o.Retries, maxPostRetries)
	case o.Backoff < 0:
		return nil, fmt.Errorf("new POST step: Backoff %v is negative, use 0 for %v", o.Backoff, DefaultPostBackoff)
	}
	header, err := postHeader(o)
	if err != nil {
		return nil, fmt.Errorf("new POST step: %w", err)
	}
	p := &post{target: target, header: header, body: o.Body, retries: o.Retries, backoff: cmp.Or(o.Backoff, DefaultPostBackoff)}
	p.shown = (&url.URL{Scheme: target.Scheme, Host: target.Host, Path: target.Path}).String()
	p.secrets = postSecrets(target, header)
	if o.Client != nil {
		p.client = *o.Client
	} else {
		p.client.Timeout = postAttempt
		p.client.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	}
	p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return p.stop, nil
}

// postHeader is a checked copy of the header. Errors name no value.
func postHeader(o PostOptions) (http.Header, error) {
	header := make(http.Header, len(o.Header)+1)
	for name, values := range o.Header {
		key := http.CanonicalHeaderKey(name)
		switch {
		case name == "" || strings.ContainsFunc(name, func(r rune) bool {
			return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
		}):
			return nil, fmt.Errorf("Header has the name %.40q: use letters, digits and dashes", name)
		case key == "Content-Length" || key == "Transfer-Encoding" || key == "Trailer":
			return nil, fmt.Errorf("Header has %s: remove it, it follows from Body", key)
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return nil, fmt.Errorf("Header: the value of %s has a line break or another control character, remove it", key)
			}
			header.Add(key, v)
		}
	}
	if header.Get("Content-Type") == "" && o.Body != "" {
		header.Set("Content-Type", "text/plain; charset=utf-8")
		if json.Valid([]byte(o.Body)) {
			header.Set("Content-Type", "application/json")
		}
	}
	return header, nil
}

// post is the step; only stop runs it, and nothing of it changes.
type post struct {
	client  http.Client
	target  *url.URL
	shown   string // target without user, password and query
	header  http.Header
	body    string
	retries int
	backoff time.Duration
	secrets []string
}

func (p *post) stop(ctx context.Context) error {
	wait := p.backoff
	for attempt := 1; ; attempt++ {
		again, err := p.send(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("POST to %s: attempt %d: %w; %w", p.shown, attempt, err, ctx.Err())
		case !again || attempt > p.retries:
			return fmt.Errorf("POST to %s: attempt %d, the last: %w", p.shown, attempt, err)
		}
		// Where no time is left for another attempt, it is left to others.
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return fmt.Errorf("POST to %s: attempt %d, no time for more: %w; %w", p.shown, attempt, err, context.DeadlineExceeded)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("POST to %s: attempt %d: %w; %w", p.shown, attempt, err, ctx.Err())
		}
		wait = max(wait, min(2*wait, maxPostBackoff))
	}
}

// send makes one attempt and says whether another may have more success.
func (p *post) send(ctx context.Context) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.target.String(), strings.NewReader(p.body))
	if err != nil {
		return false, p.mask(err)
	}
	req.Header = p.header.Clone()
	if host := req.Header.Get("Host"); host != "" { // net/http takes it from nowhere else
		req.Host = host
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return true, p.mask(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswerBytes)) // the status has said all
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return false, nil
	case code >= 300 && code < 400:
		return false, fmt.Errorf("the answer is %d, and redirects are not followed: use the URL that it leads to", code)
	default:
		again = code < 400 || code >= 500 || code == http.StatusRequestTimeout || code == http.StatusTooManyRequests
		return again, fmt.Errorf("the answer is %d %s", code, http.StatusText(code))
	}
}

// shortSecret is the length under which a secret can't be masked: that would show where its letters are, and so tell it.
const shortSecret = 4

// mask is an error of the client without the URL that it quotes, and without secrets.
func (p *post) mask(err error) error {
	if of := (*url.Error)(nil); errors.As(err, &of) {
		err = of.Err
	}
	text := err.Error()
	for _, secret := range p.secrets {
		switch {
		case !strings.Contains(text, secret):
		case len(secret) < shortSecret:
			return fmt.Errorf("error text withheld: it contains a secret of fewer than %d characters", shortSecret)
		default:
			text = strings.ReplaceAll(text, secret, "<redacted>")
		}
	}
	return errors.New(text)
}

// postSecrets are what no error may tell: the password, the query, and the values of the header with the words they
// consist of. Of the latter those that are too short to be secret are left out: they would withhold every text.
func postSecrets(target *url.URL, header http.Header) (all []string) {
	password, _ := target.User.Password()
	for _, s := range []string{password, url.PathEscape(password), url.QueryEscape(password), target.RawQuery} {
		if s != "" {
			all = append(all, s)
		}
	}
	for _, values := range header {
		for _, v := range values {
			for _, s := range append([]string{v}, strings.Fields(v)...) {
				if len(s) >= shortSecret {
					all = append(all, s)
				}
			}
		}
	}
	return all
}
