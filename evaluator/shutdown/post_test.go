package shutdown

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// answers is a transport that gives one answer after the other, a status or an error, and notes when it was asked.
type answers struct {
	began time.Time
	each  []any
	asked []time.Duration
}

func (a *answers) RoundTrip(req *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, time.Since(a.began))
	answer := a.each[min(len(a.asked), len(a.each))-1]
	switch answer := answer.(type) {
	case int:
		return &http.Response{StatusCode: answer, Body: io.NopCloser(strings.NewReader("")), Request: req}, nil
	case error:
		return nil, answer
	default: // hangs
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
}

func TestPostRetries(t *testing.T) {
	refused := errors.New("connection refused")
	tests := map[string]struct {
		answers []any
		retries int
		asked   string
		want    string // the error
	}{
		"succeeds":            {[]any{204}, 3, "[0s]", ""},
		"then succeeds":       {[]any{refused, 503, 408, 429, 200}, 9, "[0s 500ms 1.5s 3.5s 7.5s]", ""},
		"backoff has a bound": {[]any{500}, 6, "[0s 500ms 1.5s 3.5s 7.5s 12.5s 17.5s]", "attempt 7, the last: the answer is 500 Internal Server Error"},
		"no retries":          {[]any{500}, 0, "[0s]", "attempt 1, the last: the answer is 500 Internal Server Error"},
		"not found":           {[]any{404}, 3, "[0s]", "attempt 1, the last: the answer is 404 Not Found"},
		"redirect":            {[]any{307}, 3, "[0s]", "attempt 1, the last: the answer is 307, and redirects are not followed: use the URL that it leads to"},
		"refused":             {[]any{refused}, 1, "[0s 500ms]", "attempt 2, the last: connection refused"},
		"no time for more":    {[]any{502}, 99, "[0s 500ms 1.5s 3.5s 7.5s 12.5s 17.5s]", "attempt 7, no time for more: the answer is 502 Bad Gateway; context deadline exceeded"},
		"hangs":               {[]any{nil}, 3, "[0s]", "attempt 1: context deadline exceeded; context deadline exceeded"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &answers{began: time.Now(), each: tt.answers}
				stop, err := NewPost(PostOptions{URL: "http://hook.example/stop", Retries: tt.retries, Client: &http.Client{Transport: a}})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				err = stop(ctx)
				if got := fmt.Sprint(a.asked); got != tt.asked {
					t.Errorf("asked at %s, want %s", got, tt.asked)
				}
				if want := "POST to http://hook.example/stop: " + tt.want; (err != nil) != (tt.want != "") || err != nil && err.Error() != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
				if timeout := errors.Is(err, context.DeadlineExceeded); timeout != strings.Contains(tt.want, "deadline") {
					t.Errorf("a timeout: %v", timeout)
				}
			})
		})
	}
}

func TestPostSends(t *testing.T) {
	var got atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		got.Store(fmt.Sprintf("%s %s host=%s type=%s x=%s auth=%s:%s body=%s",
			r.Method, r.URL, r.Host, r.Header.Get("Content-Type"), r.Header.Values("X-Hook"), user, password, body))
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/stop", http.StatusFound)
			return
		}
		w.WriteHeader(http.StatusOK)
		for range 1000 { // more than anybody wants to read
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	tests := map[string]struct {
		options PostOptions
		got     string
		err     string
	}{
		"json": {
			PostOptions{URL: "http://" + host + "/stop?a=b", Body: `{"stop":true}`, Header: http.Header{"x-hook": {"1", "2"}}},
			"POST /stop?a=b host=" + host + ` type=application/json x=[1 2] auth=: body={"stop":true}`, "",
		},
		"text, host and user": {
			PostOptions{URL: "http://me:secret@" + host, Body: "stop", Header: http.Header{"Host": {"hook.example"}}},
			"POST / host=hook.example type=text/plain; charset=utf-8 x=[] auth=me:secret body=stop", "",
		},
		"nothing to say": {PostOptions{URL: server.URL}, "POST / host=" + host + " type= x=[] auth=: body=", ""},
		"redirect": {
			PostOptions{URL: server.URL + "/moved", Retries: 5},
			"POST /moved host=" + host + " type= x=[] auth=: body=",
			"POST to " + server.URL + "/moved: attempt 1, the last: the answer is 302, and redirects are not followed: use the URL that it leads to",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stop, err := NewPost(tt.options)
			if err != nil {
				t.Fatal(err)
			}
			if err := stop(t.Context()); (err != nil) != (tt.err != "") || err != nil && err.Error() != tt.err {
				t.Errorf("got %v, want %s", err, tt.err)
			}
			if got.Load() != tt.got {
				t.Errorf("sent %s\nwant %s", got.Load(), tt.got)
			}
		})
	}
}

// Whatever goes wrong, and whatever a client puts into its error, secrets stay where they are.
func TestPostTellsNoSecret(t *testing.T) {
	tests := map[string]*http.Client{
		"refused": nil,
		"told":    {Transport: &answers{each: []any{errors.New("sent hunter2/ and hunter2%2F and Bearer bearersecret, querysecret, tok=querysecret")}}},
	}
	for name, client := range tests {
		stop, err := NewPost(PostOptions{
			URL: "http://me:hunter2%2F@127.0.0.1:1/stop?tok=querysecret", Client: client,
			Header: http.Header{"Authorization": {"Bearer bearersecret"}, "X": {"1"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		err = stop(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "POST to http://127.0.0.1:1/stop: attempt 1, the last: ") {
			t.Fatalf("%s: got %v", name, err)
		}
		for _, secret := range []string{"hunter2", "tok=querysecret", "bearersecret"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	stop, err := NewPost(PostOptions{URL: "http://me:pw@h/", Client: &http.Client{Transport: &answers{each: []any{errors.New("pw is wrong")}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "withheld: it contains a secret of fewer than 4 characters") {
		t.Errorf("got %v", err)
	}
}

func TestFaultsOfPost(t *testing.T) {
	const u = "http://h/"
	for _, tt := range []struct {
		options PostOptions
		want    string
	}{
		{PostOptions{}, "URL must be absolute, write http://HOST/PATH or https://HOST/PATH"},
		{PostOptions{URL: "/stop"}, "URL must be absolute, write http://HOST/PATH or https://HOST/PATH"},
		{PostOptions{URL: "ftp://h/"}, "URL must be absolute, write http://HOST/PATH or https://HOST/PATH"},
		{PostOptions{URL: "http://:80/"}, "URL must be absolute, write http://HOST/PATH or https://HOST/PATH"},
		{PostOptions{URL: "http://me:pass:word/@h:x/"}, "URL must be absolute, write http://HOST/PATH or https://HOST/PATH"},
		{PostOptions{URL: u + "#x"}, "URL has a fragment, which is never sent: remove what begins at #"},
		{PostOptions{URL: u, Retries: -1}, "Retries -1 is out of range, choose from 0 to 100"},
		{PostOptions{URL: u, Retries: 101}, "Retries 101 is out of range, choose from 0 to 100"},
		{PostOptions{URL: u, Backoff: -1}, "Backoff -1ns is negative, use 0 for 500ms"},
		{PostOptions{URL: u, Header: http.Header{"A B": nil}}, `Header has the name "A B": use letters, digits and dashes`},
		{PostOptions{URL: u, Header: http.Header{"content-length": {"3"}}}, "Header has Content-Length: remove it, it follows from Body"},
		{PostOptions{URL: u, Header: http.Header{"X": {"secret\r\nY: z"}}}, "Header: the value of X has a line break or another control character, remove it"},
	} {
		stop, err := NewPost(tt.options)
		if want := "new POST step: " + tt.want; stop != nil || err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
