package collectors

import (
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-kit/log"
)

// DefaultHeartbeatTimeout is that of ElectionOptions.
const DefaultHeartbeatTimeout = 15 * time.Second

// ElectionOptions configure Election.
type ElectionOptions struct {
	// HeartbeatTimeout is the age of a heartbeat from which on its sender leads no more: several times the interval at
	// which leaders send, or one lost message is a lost leader. Default DefaultHeartbeatTimeout.
	HeartbeatTimeout time.Duration
	// Nodes are the names that may lead and so become the label leader; required. Heartbeats of any other are counted
	// and never named.
	Nodes []string
	// Logger gets changes of the leader and of the state. It is read by NewElection only.
	Logger log.Logger
}

// withDefaults fills the zero fields and checks the rest; the error joins every fault.
func (o ElectionOptions) withDefaults() (ElectionOptions, error) {
	var errs []error
	switch {
	case o.HeartbeatTimeout == 0:
		o.HeartbeatTimeout = DefaultHeartbeatTimeout
	case o.HeartbeatTimeout < 0:
		errs = append(errs, fmt.Errorf("election: heartbeat timeout %s is negative: give a positive duration, or 0 for %s",
			o.HeartbeatTimeout, DefaultHeartbeatTimeout))
	}
	if len(o.Nodes) == 0 {
		errs = append(errs, errors.New("election: no nodes: name those that may lead"))
	}
	o.Nodes = slices.Sorted(slices.Values(o.Nodes))
	for i, name := range o.Nodes {
		switch {
		case name == "":
			errs = append(errs, errors.New("election: a node has no name: give it one or drop it"))
		case !utf8.ValidString(name):
			errs = append(errs, fmt.Errorf("election: node %q is not valid UTF-8, which a label must be", name))
		case i > 0 && name == o.Nodes[i-1]:
			errs = append(errs, fmt.Errorf("election: node %q is listed twice: drop one", name))
		}
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	return o, errors.Join(errs...)
}
