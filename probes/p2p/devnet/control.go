package devnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"time"

	"github.com/go-kit/log/level"
)

// Lever is one lever as it is pulled from another process. Only the fields that the lever needs are read.
type Lever struct {
	Name   string        `json:"lever"` // kill revive freeze thaw cut heal slow corrupt flood tasks
	Node   int           `json:"node"`
	Groups [][]int       `json:"groups,omitempty"` // cut
	Delay  time.Duration `json:"delay,omitempty"`  // slow, in nanoseconds
	Rate   int           `json:"rate,omitempty"`   // flood, in messages a second
	Off    bool          `json:"off,omitempty"`    // corrupt
	Load   TaskLoad      `json:"load,omitzero"`    // tasks
}

// Pull pulls a lever by its name.
func (s *Swarm) Pull(l Lever) error {
	switch l.Name {
	case "kill":
		return s.Kill(l.Node)
	case "revive":
		return s.Revive(l.Node)
	case "freeze":
		return s.Freeze(l.Node)
	case "thaw":
		return s.Thaw(l.Node)
	case "cut":
		return s.Partition(l.Groups...)
	case "heal":
		return s.Heal()
	case "slow":
		return s.Slow(l.Node, l.Delay)
	case "corrupt":
		return s.Corrupt(l.Node, !l.Off)
	case "flood":
		return s.Flood(l.Node, l.Rate)
	case "tasks":
		return s.Load(l.Node, l.Load)
	}
	return fmt.Errorf("lever %q: unknown", l.Name)
}

// maxBody bounds a request to the control, in bytes.
const maxBody = 64 << 10

// Control answers GET /status with the NodeStatus of all nodes, and pulls the Lever that POST /levers brings; both speak
// JSON. It serves this machine alone: other addresses, foreign Host names and what a web page could send are refused.
func (s *Swarm) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(s.Status(r.Context())); err != nil {
			level.Debug(s.options.Logger).Log("msg", "Answering a status request", "err", err)
		}
	})
	mux.HandleFunc("POST /levers", func(w http.ResponseWriter, r *http.Request) {
		// Without this a page in a browser could post a form here.
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			http.Error(w, "send application/json", http.StatusUnsupportedMediaType)
			return
		}
		var l Lever
		body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
		body.DisallowUnknownFields()
		if err := body.Decode(&l); err != nil {
			http.Error(w, fmt.Sprintf("read lever: %v", err), http.StatusBadRequest)
			return
		}
		if err := s.Pull(l); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := CheckLoopback(r.RemoteAddr); err != nil {
			http.Error(w, "this machine alone may ask", http.StatusForbidden)
			return
		}
		if err := CheckLoopback(r.Host); err != nil {
			http.Error(w, "ask for 127.0.0.1 or localhost", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// CheckLoopback returns an error unless addr is HOST:PORT with localhost or a loopback IP as host.
func CheckLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("address %q: must be HOST:PORT: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("address %q: must be on loopback, such as 127.0.0.1", addr)
	}
	return nil
}

// ServeControl serves Control on addr, which must be on loopback, until ctx is done; listening is told the address it
// has, with the port if that was 0. It returns nil after ctx is done.
func (s *Swarm) ServeControl(ctx context.Context, addr string, listening func(addr string)) error {
	if err := CheckLoopback(addr); err != nil {
		return fmt.Errorf("serve control: %w", err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("serve control: %w", err)
	}
	server := &http.Server{Handler: s.Control(), ReadHeaderTimeout: callTimeout, IdleTimeout: time.Minute}
	// Levers that move end first: they are bounded, and Stop waits for them anyway.
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	listening(l.Addr().String())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve control: %w", err)
	}
	return nil
}
