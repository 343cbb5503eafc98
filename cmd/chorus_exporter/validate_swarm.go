package main

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"chorus/probes/p2p"
	"chorus/probes/p2p/dht"
)

// checkSwarm reports what is wrong with p2p and election.
func (c *loaded) checkSwarm() {
	if !c.joins() {
		c.checkNoSwarm()
		return
	}
	c.checkTargets()
	c.checkSwarmFiles()
	c.checkAllowed()
	c.checkPing()
	c.checkPubsub()
	c.checkDHT()
	c.checkKeys()
	if c.observes() {
		c.checkElection()
	}
}

// checkNoSwarm reports keys that wait for targets.
func (c *loaded) checkNoSwarm() {
	if _, set := c.lines["p2p"]; set {
		c.add(c.line("p2p"), "p2p.targets", "is missing; name the cluster's nodes, such as "+
			"/ip4/10.0.0.7/tcp/4001/p2p/12D3KooW…, or remove p2p")
	} else if _, set := c.lines["election"]; set {
		c.add(c.line("election"), "election", "needs the cluster that it takes place in; configure p2p.targets")
	}
}

func (c *loaded) checkTargets() {
	options, faults := p2p.TargetOptions{QUIC: c.P2P.QUIC}, len(c.list)
	for i := range c.P2P.Targets { // one by one, so that each fault has its line
		field := fmt.Sprintf("p2p.targets[%d]", i)
		if _, err := p2p.ParseTargets(c.P2P.Targets[i:i+1], options); err != nil {
			c.add(c.line(field), field, "%s", strings.TrimPrefix(err.Error(), "targets[0] "))
		}
	}
	if len(c.list) > faults {
		return
	}
	targets, err := p2p.ParseTargets(c.P2P.Targets, options)
	c.addEach("p2p.targets", "", err)
	c.count("p2p.min_peers", c.P2P.MinPeers, 1, p2p.MaxTargets)
	if n := len(targets); err == nil && c.P2P.MinPeers > n {
		c.add(c.line("p2p.min_peers"), "p2p.min_peers", "min_peers is %d but p2p.targets lists only %s: "+
			"add targets or lower it", c.P2P.MinPeers, nodes(n))
	}
}

// checkSwarmFiles makes paths relative to the configuration file, and reads what must be there. It creates nothing.
func (c *loaded) checkSwarmFiles() {
	if c.P2P.IdentityFile != "" {
		c.P2P.IdentityFile = c.path(c.P2P.IdentityFile)
		if _, err := os.Stat(c.P2P.IdentityFile); err == nil { // else the start creates it
			_, err := p2p.LoadIdentity(c.P2P.IdentityFile)
			c.addEach("p2p.identity_file", "", err)
		}
	}
	if c.P2P.PSKFile == "" {
		return
	}
	c.P2P.PSKFile = c.path(c.P2P.PSKFile)
	_, err := p2p.LoadPSK(c.P2P.PSKFile)
	c.addEach("p2p.psk_file", "", err)
	if c.P2P.QUIC {
		c.add(c.line("p2p.quic"), "p2p.quic", "quic cannot be used with psk_file: private networks do not support QUIC")
	}
}

func (c *loaded) checkAllowed() {
	c.checkPeers("p2p.allow_peers", c.P2P.AllowPeers)
	for i, cidr := range c.P2P.AllowCIDRs {
		field := fmt.Sprintf("p2p.allow_cidrs[%d]", i)
		if _, err := netip.ParsePrefix(cidr); err != nil {
			c.add(c.line(field), field, "invalid network %q; use one such as 10.0.0.0/8", cidr)
		}
	}
}

func (c *loaded) checkPeers(field string, ids []string) {
	for i, id := range ids {
		c.checkPeer(fmt.Sprintf("%s[%d]", field, i), id)
	}
}

func (c *loaded) checkPeer(field, id string) {
	if _, err := peer.Decode(id); err != nil {
		c.add(c.line(field), field, "invalid peer id %q; use one such as 12D3KooW…", id)
	}
}

func (c *loaded) checkPing() {
	c.span("p2p.ping.interval", c.P2P.Ping.Interval, 100*time.Millisecond, time.Hour)
	c.span("p2p.ping.timeout", c.P2P.Ping.Timeout, 10*time.Millisecond, time.Minute)
	c.count("p2p.ping.max_failures", c.P2P.Ping.MaxFailures, 1, 1000)
}

func (c *loaded) checkPubsub() {
	x := c.P2P.Pubsub
	if x.Topic == "" {
		c.add(c.line("p2p.pubsub.topic"), "p2p.pubsub.topic", "is empty; name a topic that nodes of the cluster are on")
	}
	c.oneOf("p2p.pubsub.mode", x.Mode, string(p2p.GossipAuto), string(p2p.GossipRelayed), string(p2p.GossipAnswered))
	c.span("p2p.pubsub.wait", x.Wait, 100*time.Millisecond, time.Minute)
	c.checkPeers("p2p.pubsub.exporters", x.Exporters)
	if x.Mode == string(p2p.GossipAnswered) && len(x.Exporters) == 0 {
		c.add(c.line("p2p.pubsub.mode"), "p2p.pubsub.mode", "is answered, by nobody; name the other exporters under "+
			"p2p.pubsub.exporters, or choose another mode")
	}
}

// maxBucketSize is the most nodes that a value may be put to.
const maxBucketSize = 256

func (c *loaded) checkDHT() {
	x, faults := c.P2P.DHT, len(c.list)
	c.oneOf("p2p.dht.namespace", x.Namespace, dht.NamespaceHealth, dht.NamespaceIPNS)
	c.count("p2p.dht.bucket_size", x.BucketSize, 1, maxBucketSize)
	if x.BucketSize < 1 || x.BucketSize > maxBucketSize {
		x.BucketSize = maxBucketSize // which is one fault, not three
	}
	c.count("p2p.dht.min_holders", x.MinHolders, 1, x.BucketSize)
	c.count("p2p.replication.min_holders", c.P2P.Replication.MinHolders, 1, x.BucketSize)
	if field := "p2p.dht.protocol_prefix"; !strings.HasPrefix(x.ProtocolPrefix, "/") {
		c.add(c.line(field), field, "%q begins with no slash; write it like /chorus", x.ProtocolPrefix)
	}
	if len(c.list) > faults {
		return
	}
	_, err := x.trial() // what goes together is the probe's own knowledge
	c.addEach("p2p.dht", "new DHT probe: ", err)
}

// trial is a probe that never runs.
func (d DHT) trial() (*dht.Probe, error) {
	o := dht.Options{Leg: noHost{}}
	d.into(&o)
	return dht.New(o)
}

func (c *loaded) checkKeys() {
	probe, err := c.P2P.DHT.trial()
	if err != nil {
		return // reported
	}
	seen, field := map[string]bool{}, "p2p.replication.keys"
	if n := len(c.P2P.Replication.Keys); n > dht.MaxWatchedKeys {
		c.add(c.line(field), field, "has %d entries; watch at most %d", n, dht.MaxWatchedKeys)
	}
	for i, k := range c.P2P.Replication.Keys {
		field := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case !checkName.MatchString(k.Name):
			c.add(c.line(field+".name"), field+".name", "invalid name %q; use up to 128 letters, digits, '.', '_' and '-'", k.Name)
		case k.Name == dht.OwnRecord:
			c.add(c.line(field+".name"), field+".name", "%q is the name of the probe's own record; choose another", k.Name)
		case seen[k.Name]:
			c.add(c.line(field+".name"), field+".name", "%q is listed twice; keep one", k.Name)
		case (k.Key == "") == (k.CID == ""):
			c.add(c.line(field), field, "needs either key or cid; write one of the two")
		default:
			_, err := dht.NewReplication(dht.ReplicationOptions{DHT: probe, Keys: []dht.WatchedKey{k.watched()}})
			c.addEach(field, fmt.Sprintf("new replication probe: watched key %q: ", k.Name), err)
		}
		seen[k.Name] = true
	}
}

// oneOf reports a word that is none of words.
func (c *loaded) oneOf(field, word string, words ...string) {
	if !slices.Contains(words, word) {
		c.add(c.line(field), field, "invalid value %q; %s", word, meant(word, words))
	}
}

// addEach reports every fault that err joins, without the prefix that says who found it.
func (c *loaded) addEach(field, prefix string, err error) {
	if err == nil {
		return
	}
	var lines []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		lines = append(lines, strings.TrimPrefix(line, prefix))
	}
	c.add(c.line(field), field, "%s", strings.Join(lines, "; "))
}

func nodes(n int) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}
