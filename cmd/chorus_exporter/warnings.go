package main

import (
	"slices"
	"strings"
	"time"

	"chorus/probes/p2p"
)

// warnings are what makes sense in a configuration and is hardly meant, each with its place and its mend.
func (c *loaded) warnings() []string {
	var doubts problems
	doubts.file, doubts.list = c.file, slices.Clone(c.warned)
	if c.joins() {
		c.doubtWait(&doubts)
		c.doubtUnguarded(&doubts)
	}
	if err := doubts.err(); err != nil {
		return strings.Split(err.Error(), "\n")
	}
	return nil
}

// doubtWait finds runs of the pubsub probe that end before a new connection is old enough to publish on.
func (c *loaded) doubtWait(doubts *problems) {
	const effect = "so runs fail as warming_up after every reconnect"
	least := p2p.GossipWarmUp
	if wait := time.Duration(c.P2P.Pubsub.Wait); wait < least {
		const field = "p2p.pubsub.wait"
		doubts.add(c.line(field), field, "%v is shorter than the %v that the mesh takes to form, %s; write %v or more",
			c.P2P.Pubsub.Wait, least, effect, least)
		return
	}
	for _, name := range []string{"pubsub-enhanced", "pubsub-active"} {
		check := c.effective(name)
		if timeout := check.timeout(); check.enabled() && timeout-time.Second < least {
			field := "checks." + name + ".timeout"
			doubts.add(c.line(field), field, "%v less a second is shorter than the %v that the mesh takes to form, %s; "+
				"write %v or more", *check.Timeout, least, effect, least+time.Second)
		}
	}
}
