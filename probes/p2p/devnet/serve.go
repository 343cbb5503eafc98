package devnet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/go-kit/log"
	record "github.com/libp2p/go-libp2p-record"
)

// maxLine bounds one line between a swarm and a node, in bytes.
const maxLine = 1 << 20

// NodeOptions says what a node in a process of its own works with. In and Out are required.
type NodeOptions struct {
	// In brings commands and Out takes replies, a line of JSON each. The end of In is the end of the node.
	In  io.Reader
	Out io.Writer
	// Validators are those of DHT records by namespace, beside pk and ipns.
	Validators map[string]record.Validator
	// Logger gets what happens; default: nobody.
	Logger log.Logger
}

// RunNode is the body of the process that StartProcesses starts for each node, as `Binary node --controlled`. It returns
// when In has ended: when the swarm that started it is gone, so is the node.
func RunNode(ctx context.Context, o NodeOptions) error {
	if o.In == nil || o.Out == nil {
		return errors.New("run node: In and Out are required")
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	lines := bufio.NewScanner(o.In)
	lines.Buffer(nil, maxLine)
	out := json.NewEncoder(o.Out)
	var n *node
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return errors.Join(fmt.Errorf("read command: %w", err), n.closeIfAny())
		}
		var r reply
		var err error
		switch {
		case (n == nil) != (c.Op == opStart):
			err = fmt.Errorf("operation %q: a node is started first and once", c.Op)
		case n == nil:
			n, r, err = o.start(ctx, c)
		default:
			r, err = n.do(c)
		}
		r.ID = c.ID
		if err != nil {
			r.Error = err.Error()
		}
		if err := out.Encode(r); err != nil {
			return errors.Join(fmt.Errorf("write reply: %w", err), n.closeIfAny())
		}
	}
	return errors.Join(lines.Err(), n.closeIfAny())
}

func (o NodeOptions) start(ctx context.Context, c command) (*node, reply, error) {
	if c.Start == nil {
		return nil, reply{}, errors.New("start: there is no configuration")
	}
	n, err := startNode(ctx, *c.Start, o.Validators, o.Logger)
	if err != nil {
		return nil, reply{}, err
	}
	info := n.info()
	return n, reply{Info: &info}, nil
}

// closeIfAny closes a node that may not have been started.
func (n *node) closeIfAny() error {
	if n == nil {
		return nil
	}
	return n.close()
}
