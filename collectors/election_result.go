package collectors

import "slices"

// HeartbeatResult says what became of a heartbeat: the label result of chorus_election_heartbeats_total.
type HeartbeatResult string

// What Election.Heartbeat answers.
const (
	HeartbeatAccepted      HeartbeatResult = "accepted"
	HeartbeatEpochReset    HeartbeatResult = "epoch_reset"    // accepted too: its older term begins a new epoch
	HeartbeatStaleTerm     HeartbeatResult = "stale_term"     // of a term that another node has left behind
	HeartbeatTermBackwards HeartbeatResult = "term_backwards" // its own sender has already led a higher term
	HeartbeatUnknownAuthor HeartbeatResult = "unknown_author" // not among the configured nodes
)

// heartbeatResults is the closed set of the label: what Heartbeat answers, and why whoever reads the wire refuses a
// message before it is one.
var heartbeatResults = [...]HeartbeatResult{
	HeartbeatAccepted, HeartbeatEpochReset, HeartbeatStaleTerm, HeartbeatTermBackwards, HeartbeatUnknownAuthor,
	"author_mismatch", // its author signed it in the name of another node
	"bad_signature",   // forged, tampered with, or not signed
	"clock_skew",      // sent further from our time than is allowed
	"malformed",
	"oversize",
	"rate_limited",
	"replayed", // not newer than what its author has sent before
	otherResult,
}

const otherResult HeartbeatResult = "other"

// counts says whether the heartbeat showed that its sender leads.
func (r HeartbeatResult) counts() bool { return r == HeartbeatAccepted || r == HeartbeatEpochReset }

// Refused counts a message that never became a heartbeat, by the reason it was refused for: author_mismatch,
// bad_signature, clock_skew, malformed, oversize, rate_limited, replayed, unknown_author. Any other word is counted as
// other. It takes no lock: a flood may come through here.
func (e *Election) Refused(reason string) {
	result := HeartbeatResult(reason)
	if result.counts() || !slices.Contains(heartbeatResults[:], result) {
		result = otherResult
	}
	e.count(result)
}

// count counts a heartbeat. result is one of the set.
func (e *Election) count(result HeartbeatResult) {
	e.results[slices.Index(heartbeatResults[:], result)].Add(1)
}
