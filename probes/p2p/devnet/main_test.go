package devnet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/go-kit/log"
	record "github.com/libp2p/go-libp2p-record"
	"go.uber.org/goleak"
)

// TestMain is also the program of a node: StartProcesses runs the test binary.
func TestMain(m *testing.M) {
	if slices.Equal(os.Args[1:], []string{"node", "--controlled"}) {
		o := NodeOptions{In: os.Stdin, Out: os.Stdout, Validators: anything(), Logger: log.NewLogfmtLogger(os.Stderr)}
		if err := RunNode(context.Background(), o); err != nil {
			os.Exit(1)
		}
		return
	}
	if slices.Equal(os.Args[1:], []string{"swarm"}) {
		if err := runSwarm(); err != nil {
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// anyValue accepts every value; the longest wins.
type anyValue struct{}

func (anyValue) Validate(_ string, value []byte) error {
	if bytes.Contains(value, []byte{0xff}) {
		return errors.New("0xff is in no value of this test")
	}
	return nil
}

func (anyValue) Select(_ string, values [][]byte) (int, error) {
	best := 0
	for i := range values {
		if len(values[i]) > len(values[best]) {
			best = i
		}
	}
	return best, nil
}

func anything() map[string]record.Validator { return map[string]record.Validator{"health": anyValue{}} }

// quick makes elections as short as GossipSub allows.
const quick = 400 * time.Millisecond

func startSwarm(t *testing.T, nodes int) *Swarm {
	t.Helper()
	s, err := Start(t.Context(), Options{Nodes: nodes, Seed: t.Name(), HeartbeatInterval: quick, Validators: anything()})
	return started(t, s, err)
}

func startProcesses(t *testing.T, nodes int) *Swarm {
	t.Helper()
	s, err := StartProcesses(t.Context(), Options{
		Nodes: nodes, Seed: t.Name(), HeartbeatInterval: quick, Binary: os.Args[0], Output: t.Output(),
	})
	return started(t, s, err)
}

func started(t *testing.T, s *Swarm, err error) *Swarm {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits, generously, until ok; what it returns besides is said if it never is.
func eventually(t *testing.T, what string, ok func() (bool, any)) {
	t.Helper()
	var last any
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var done bool
		if done, last = ok(); done {
			return
		}
	}
	t.Fatalf("never happened: %s; last seen: %+v", what, last)
}

// leaders waits until exactly the nodes want lead.
func leaders(t *testing.T, s *Swarm, want ...int) {
	t.Helper()
	eventually(t, "the leaders are those expected", func() (bool, any) {
		got := s.Leaders(t.Context())
		return slices.Equal(got, want), got
	})
}

// followed waits until every node has heard node i lead, and in which term. One that dies before that is forgotten.
func followed(t *testing.T, s *Swarm, i int) {
	t.Helper()
	eventually(t, "all follow the leader in its term", func() (bool, any) {
		leader := report(t, s, i)
		for _, n := range s.Status(t.Context()) {
			if n.Report == nil || n.Report.Leader != s.Infos()[i].ID.String() || n.Report.Term != leader.Term {
				return false, n
			}
		}
		return true, nil
	})
}

func report(t *testing.T, s *Swarm, i int) Report {
	t.Helper()
	status := s.Status(t.Context())[i]
	if status.Report == nil {
		t.Fatalf("node %d: no report: %+v", i, status)
	}
	return *status.Report
}

// runSwarm is the program that TestNoProcessIsLeft kills.
func runSwarm() error {
	s, err := StartProcesses(context.Background(), Options{Nodes: 2, Binary: os.Args[0]})
	if err != nil {
		return err
	}
	if err := s.Freeze(1); err != nil {
		return err
	}
	for _, pid := range pids(s) {
		fmt.Println(pid)
	}
	time.Sleep(time.Minute)
	return s.Stop()
}

func pids(s *Swarm) []int {
	var pids []int
	for _, n := range s.Status(context.Background()) {
		pids = append(pids, n.PID)
	}
	return pids
}
