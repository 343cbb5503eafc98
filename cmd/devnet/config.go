package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	record "github.com/libp2p/go-libp2p-record"

	"chorus/probes/p2p/devnet"
	"chorus/probes/p2p/healthrecord"
)

// enoughPeers is how many connected nodes the written configuration asks for, if there are as many.
const enoughPeers = 3

// config is a configuration of chorus_exporter that names the nodes, and whatever of theirs is not usual.
func config(o devnet.Options, targets []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by devnet. The nodes keep these addresses while it runs.\np2p:\n  min_peers: %d\n  targets:\n",
		min(enoughPeers, len(targets)))
	for _, target := range targets {
		fmt.Fprintf(&b, "    - %s\n", target)
	}
	if topic := o.Topics[0]; topic != devnet.DefaultHealthTopic {
		fmt.Fprintf(&b, "  pubsub:\n    topic: %q\n", topic)
	}
	if o.ProtocolPrefix != devnet.DefaultProtocolPrefix {
		fmt.Fprintf(&b, "  dht:\n    protocol_prefix: %q\n", o.ProtocolPrefix)
	}
	if o.HeartbeatTopic != devnet.DefaultHeartbeatTopic {
		fmt.Fprintf(&b, "election:\n  topic: %q\n", o.HeartbeatTopic)
	} else {
		b.WriteString("election: {}\n")
	}
	return b.String()
}

// writeConfig writes it whole or not at all.
func writeConfig(name, text string) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-")
	if err != nil {
		return fmt.Errorf("write configuration %s: %w", name, err)
	}
	_, err = f.WriteString(text)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644) //nolint:gosec // it holds no secret, and the exporter may be another user
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write configuration %s: %w", name, err)
	}
	return nil
}

// validators are those of the nodes' DHT, beside the usual ones.
func validators() map[string]record.Validator {
	return map[string]record.Validator{healthrecord.Namespace: healthrecord.Validator{}}
}
