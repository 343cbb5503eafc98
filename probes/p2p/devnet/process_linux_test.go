package devnet

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	manet "github.com/multiformats/go-multiaddr/net"
)

// alive says whether the process exists and is no zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	return fields[0] != "Z" && fields[0] != "X"
}

func allGone(t *testing.T, pids []int) {
	t.Helper()
	eventually(t, "the processes are gone", func() (bool, any) {
		left := slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return !alive(pid) })
		return len(left) == 0, left
	})
}

func TestFreezeAndThaw(t *testing.T) {
	t.Parallel()
	s := startProcesses(t, 4)
	leaders(t, s, 0)
	infos := s.Infos()
	c := connect(t, infos[0])
	_, err := c.ping(t.Context(), 10*time.Second)
	must(t, err)

	must(t, s.Freeze(0))
	if err := s.Freeze(0); err == nil {
		t.Error("a frozen node froze")
	}
	if _, err := c.ping(t.Context(), time.Second); err == nil {
		t.Error("a frozen node answers")
	}
	if c.Network().Connectedness(infos[0].ID) != network.Connected {
		t.Error("the connection to a frozen node is gone")
	}
	_, addr, err := manet.DialArgs(infos[0].Addrs[0])
	must(t, err)
	tcp, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Errorf("its port does not accept: %v", err)
	} else {
		tcp.Close()
	}
	leaders(t, s, 1) // it is not asked, so it is not among them
	if n := s.Status(t.Context())[0]; n.State != StateFrozen {
		t.Errorf("the frozen node is %s", n.State)
	}

	must(t, s.Thaw(0))
	_, err = c.ping(t.Context(), 10*time.Second)
	must(t, err)
	leaders(t, s, 0)
}

func TestProcessesKeepIdentityAndPort(t *testing.T) {
	t.Parallel()
	s := startProcesses(t, 3)
	targets, before := s.Targets(), pids(s)
	must(t, s.Kill(2))
	allGone(t, before[2:])
	must(t, s.Revive(2))
	if !slices.Equal(s.Targets(), targets) {
		t.Errorf("targets were %v, are %v", targets, s.Targets())
	}
	eventually(t, "the revived node hears the others", func() (bool, any) {
		r := report(t, s, 2)
		return r.Alive == 2, r
	})
	// A process that ends by itself is seen and can be revived too, a frozen one can be killed.
	must(t, syscall.Kill(pids(s)[1], syscall.SIGKILL))
	eventually(t, "its end is seen", func() (bool, any) {
		state := s.Status(t.Context())[1].State
		return state == StateDead, state
	})
	must(t, s.Revive(1))
	must(t, s.Freeze(1))
	must(t, s.Kill(1))
	must(t, s.Revive(1))

	// Every other lever reaches a process.
	must(t, s.Slow(0, time.Millisecond))
	must(t, s.Corrupt(0, true))
	must(t, s.Flood(0, 10))
	must(t, s.Load(0, TaskLoad{Count: 2, Work: time.Hour}))
	must(t, s.CutOff(0))
	eventually(t, "all of them work", func() (bool, any) {
		r := report(t, s, 0)
		return r.Delay == time.Millisecond && r.Corrupt && r.Flood == 10 && r.Tasks.Active == 2 && r.Peers == 0, r
	})
	if err := s.Submit(0, func(context.Context) error { return nil }); err == nil {
		t.Error("a function was sent to a process")
	}
	last := pids(s)
	must(t, s.Freeze(2))
	must(t, s.Stop())
	allGone(t, append(before, last...))
}

// TestNoProcessIsLeft kills a program without warning that has started a swarm, one node of it frozen.
func TestNoProcessIsLeft(t *testing.T) {
	t.Parallel()
	parent := exec.CommandContext(t.Context(), os.Args[0], "swarm")
	out, err := parent.StdoutPipe()
	must(t, err)
	must(t, parent.Start())
	defer parent.Wait()
	var nodes []int
	for lines := bufio.NewScanner(out); len(nodes) < 2 && lines.Scan(); {
		var pid int
		if _, err := fmt.Sscan(lines.Text(), &pid); err == nil {
			nodes = append(nodes, pid)
		}
	}
	if len(nodes) != 2 || !alive(nodes[0]) || !alive(nodes[1]) {
		t.Errorf("the swarm is not up: %v", nodes)
	}
	must(t, parent.Process.Kill())
	allGone(t, nodes)
}

func TestProgramsThatAreNoNode(t *testing.T) {
	t.Parallel()
	for _, binary := range []string{"/bin/true", "/bin/cat", "/nowhere"} {
		t.Run(binary, func(t *testing.T) {
			s, err := StartProcesses(t.Context(), Options{Nodes: 1, Binary: binary})
			if err == nil {
				s.Stop()
				t.Fatal("no error")
			}
			t.Log(err)
		})
	}
}
