package p2p

import (
	"math/rand/v2"
	"time"
)

// Pace of dials to one target from one leg. A node with libp2p's default limits takes 16 connections at once and then one
// every 5 s from one address; two legs of ours dial each node. At the end of the scale that is one dial in 5.6 s on
// average from both, and what fails before the node accepts does not count there.
const (
	firstRetry = 500 * time.Millisecond // upper end
	lastRetry  = 15 * time.Second       // upper end
	stable     = 10 * time.Second       // a connection that held so long was a good one: the next dial is a first retry
)

// retryDelay is how long to wait before a dial, after so many in a row that led to no lasting connection: half to whole
// of a time that doubles. Nothing is waited for before the very first.
func retryDelay(attempts int) time.Duration {
	if attempts < 1 {
		return 0
	}
	whole := lastRetry
	if attempts < 6 {
		whole = min(firstRetry<<(attempts-1), lastRetry)
	}
	return whole/2 + rand.N(whole/2) //nolint:gosec // spread, no secret
}
