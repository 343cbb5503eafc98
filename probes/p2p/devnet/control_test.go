package devnet

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestControl(t *testing.T) {
	t.Parallel()
	s := startSwarm(t, 3)
	control := s.Control()
	request := func(method, path, body string, change func(*http.Request)) *http.Response {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.RemoteAddr, r.Host = "127.0.0.1:1234", "127.0.0.1:9"
		r.Header.Set("Content-Type", "application/json")
		if change != nil {
			change(r)
		}
		w := httptest.NewRecorder()
		control.ServeHTTP(w, r)
		return w.Result()
	}
	tests := map[string]struct {
		method, path, body string
		change             func(*http.Request)
		want               int
	}{
		"status":         {method: "GET", path: "/status", want: 200},
		"slow":           {body: `{"lever":"slow","node":1,"delay":1000}`, want: 204},
		"corrupt":        {body: `{"lever":"corrupt","node":1}`, want: 204},
		"corrupt off":    {body: `{"lever":"corrupt","node":1,"off":true}`, want: 204},
		"flood":          {body: `{"lever":"flood","node":1,"rate":1}`, want: 204},
		"tasks":          {body: `{"lever":"tasks","node":1,"load":{"count":1}}`, want: 204},
		"cut":            {body: `{"lever":"cut","groups":[[1],[2]]}`, want: 204},
		"heal":           {body: `{"lever":"heal"}`, want: 204},
		"freeze":         {body: `{"lever":"freeze","node":1}`, want: 409},
		"thaw":           {body: `{"lever":"thaw","node":1}`, want: 409},
		"revive":         {body: `{"lever":"revive","node":1}`, want: 409},
		"unknown lever":  {body: `{"lever":"explode"}`, want: 409},
		"unknown node":   {body: `{"lever":"kill","node":7}`, want: 409},
		"unknown field":  {body: `{"lever":"heal","now":true}`, want: 400},
		"no JSON":        {body: `lever=heal`, want: 400},
		"too much":       {body: `{"lever":"` + strings.Repeat("x", maxBody) + `"}`, want: 400},
		"a form":         {body: `{}`, change: func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, want: 415},
		"another host":   {body: `{}`, change: func(r *http.Request) { r.RemoteAddr = "192.0.2.1:5" }, want: 403},
		"another name":   {body: `{}`, change: func(r *http.Request) { r.Host = "evil.example:9" }, want: 403},
		"localhost":      {body: `{"lever":"heal"}`, change: func(r *http.Request) { r.Host = "localhost:9" }, want: 204},
		"unknown path":   {method: "GET", path: "/", want: 404},
		"reading levers": {method: "GET", path: "/levers", want: 405},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.method == "" {
				test.method, test.path = "POST", "/levers"
			}
			r := request(test.method, test.path, test.body, test.change)
			if body, _ := io.ReadAll(r.Body); r.StatusCode != test.want {
				t.Errorf("status %d, want %d: %s", r.StatusCode, test.want, body)
			}
		})
	}
}

func TestServeControl(t *testing.T) {
	t.Parallel()
	s := startSwarm(t, 2)
	for _, addr := range []string{":0", "0.0.0.0:0", "192.0.2.1:80", "[::]:0", "example.com:80", "127.0.0.1"} {
		if err := s.ServeControl(t.Context(), addr, func(string) { t.Errorf("listens on %s", addr) }); err == nil {
			t.Errorf("%s: no error", addr)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	listening, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- s.ServeControl(ctx, "127.0.0.1:0", func(addr string) { listening <- addr }) }()
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	r, err := client.Get("http://" + <-listening + "/status")
	must(t, err)
	defer r.Body.Close()
	var nodes []NodeStatus
	must(t, json.NewDecoder(r.Body).Decode(&nodes))
	if len(nodes) != 2 || nodes[1].State != StateUp || nodes[1].Report == nil || nodes[1].Addr != s.Targets()[1] {
		t.Errorf("status: %+v", nodes)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
