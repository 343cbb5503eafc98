package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"chorus/probes/p2p"
)

// targetOf identifies what a probe tests, for probes.Spec.Target. It is a hash, because a DSN may hold a password. The
// parts are quoted first, so that no two lists of lists look alike.
func targetOf(parts ...[]string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return hex.EncodeToString(sum[:])
}

// target is what the probe of a database tests, and whom it says it is. How many connections it uses is not part of it.
func (d Database) target() string {
	return targetOf([]string{d.Driver, string(d.DSN), d.PasswordFile, d.PasswordEnv, d.Query})
}

// pubsubTarget is what a message goes through. Other exporters are part of it only where they alone are asked.
func (p P2P) pubsubTarget() string {
	var exporters []string
	if p.Pubsub.Mode == string(p2p.GossipAnswered) {
		exporters = p.Pubsub.Exporters
	}
	return targetOf(p.Targets, []string{p.Pubsub.Topic, p.Pubsub.Mode}, exporters)
}

// dhtTarget is where a value is put.
func (p P2P) dhtTarget() string {
	return targetOf(p.Targets, []string{p.DHT.ProtocolPrefix, p.DHT.Namespace, strconv.Itoa(p.DHT.BucketSize)})
}

// replicationTarget is what is watched, whatever its name.
func (p P2P) replicationTarget() string {
	parts := [][]string{{p.dhtTarget()}}
	for _, k := range p.Replication.Keys {
		parts = append(parts, []string{k.Key, k.CID})
	}
	return targetOf(parts...)
}
