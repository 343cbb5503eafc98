package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"chorus/probes/p2p/devnet"
)

const (
	// clientTimeout is longer than a node may take to start again.
	clientTimeout = time.Minute
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 4 << 20
)

// pull pulls a lever of the swarm at addr.
func pull(ctx context.Context, addr string, l devnet.Lever) error {
	body, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("%s: %w", l.Name, err)
	}
	_, err = ask(ctx, addr, http.MethodPost, "/levers", body)
	return err
}

// status is how the nodes of the swarm at addr are.
func status(ctx context.Context, addr string) ([]devnet.NodeStatus, error) {
	data, err := ask(ctx, addr, http.MethodGet, "/status", nil)
	if err != nil {
		return nil, err
	}
	var nodes []devnet.NodeStatus
	if err := json.Unmarshal(data, &nodes); err != nil {
		return nil, fmt.Errorf("read status from %s: %w", addr, err)
	}
	return nodes, nil
}

// ask sends one request to the control at addr, which must be on loopback.
func ask(ctx context.Context, addr, method, path string, body []byte) ([]byte, error) {
	if err := devnet.CheckLoopback(addr); err != nil {
		return nil, fmt.Errorf("--control: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{} // without the proxy that the environment may name
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask the swarm, is \"devnet up\" running? %w", err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer from %s: %w", addr, err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return nil, fmt.Errorf("the swarm refuses: %s", strings.TrimSpace(string(data)))
	}
	return data, nil
}
