package p2p

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	idA = "12D3KooWGRYZDHBembyGJQqQ6WgLqJWYNjnECJwGBnCg8vbCeo8F"
	idB = "12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X"
)

func TestParseTargets(t *testing.T) {
	own, err := peer.Decode(idB)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		texts []string
		want  []string // per target, addresses joined by blanks
		err   string
	}{
		"ip4":                {[]string{"/ip4/1.2.3.4/tcp/1/p2p/" + idA}, []string{"/ip4/1.2.3.4/tcp/1"}, ""},
		"ip6":                {[]string{"/ip6/::1/tcp/1/p2p/" + idA}, []string{"/ip6/::1/tcp/1"}, ""},
		"ip6 with a zone":    {[]string{"/ip6zone/eth0/ip6/fe80::1/tcp/1/p2p/" + idA}, []string{"/ip6zone/eth0/ip6/fe80::1/tcp/1"}, ""},
		"names":              {[]string{"/dns4/x/tcp/1/p2p/" + idA, "/dnsaddr/x/p2p/" + idA}, []string{"/dns4/x/tcp/1 /dnsaddr/x"}, ""},
		"given twice":        {[]string{"/dns/x/tcp/1/p2p/" + idA, "/dns/x/tcp/1/p2p/" + idA}, []string{"/dns/x/tcp/1"}, ""},
		"QUIC":               {[]string{"/ip4/1.2.3.4/udp/1/quic-v1/p2p/" + idA}, nil, `targets[0] "/ip4/1.2.3.4/udp/1/quic-v1/p2p/` + idA + `": needs QUIC`},
		"no multiaddr":       {[]string{"node-1:4001"}, nil, `targets[0] "node-1:4001": is not a multiaddr`},
		"empty":              {[]string{""}, nil, `targets[0] ""`},
		"no id":              {[]string{"/ip4/1.2.3.4/tcp/1"}, nil, "append /p2p/ID"},
		"no address":         {[]string{"/p2p/" + idA}, nil, "has no address"},
		"own":                {[]string{"/ip4/1.2.3.4/tcp/1/p2p/" + idB}, nil, "our own hosts"},
		"websocket":          {[]string{"/ip4/1.2.3.4/tcp/1/ws/p2p/" + idA}, nil, "can't be dialled"},
		"relay":              {[]string{"/ip4/1.2.3.4/tcp/1/p2p/" + idB + "/p2p-circuit/p2p/" + idA}, nil, "can't be dialled"},
		"plain UDP":          {[]string{"/ip4/1.2.3.4/udp/1/p2p/" + idA}, nil, "can't be dialled"},
		"second of two":      {[]string{"/ip4/1.2.3.4/tcp/1/p2p/" + idA, "x"}, []string{"/ip4/1.2.3.4/tcp/1"}, `targets[1] "x"`},
		"legacy name of p2p": {[]string{"/ip4/1.2.3.4/tcp/1/ipfs/" + idA}, []string{"/ip4/1.2.3.4/tcp/1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			targets, err := ParseTargets(c.texts, TargetOptions{Own: []peer.ID{own}})
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			var got []string
			for _, target := range targets {
				var addrs []string
				for _, a := range target.Addrs {
					addrs = append(addrs, a.String())
				}
				got = append(got, strings.Join(addrs, " "))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("targets (-want +got):\n%s", d)
			}
		})
	}
	t.Run("too many addresses", func(t *testing.T) {
		var texts []string
		for n := range maxTargetAddrs + 1 {
			texts = append(texts, fmt.Sprintf("/ip4/1.2.3.4/tcp/%d/p2p/%s", n+1, idA))
		}
		if _, err := ParseTargets(texts, TargetOptions{}); err == nil || !strings.Contains(err.Error(), "targets[16]") {
			t.Errorf("error %v", err)
		}
	})
}

func FuzzParseTargets(f *testing.F) {
	f.Add("/ip4/1.2.3.4/tcp/1/p2p/" + idA)
	f.Add("/dnsaddr/x/p2p/" + idA)
	f.Add("/ip4/1.2.3.4/udp/1/quic-v1/p2p/" + idB)
	f.Fuzz(func(t *testing.T, text string) {
		targets, err := ParseTargets([]string{text}, TargetOptions{QUIC: true})
		if (err == nil) != (len(targets) == 1) {
			t.Fatalf("%d targets, error %v", len(targets), err)
		}
		if err != nil {
			return
		}
		target := targets[0]
		again, err := ParseTargets([]string{withID(target.Addrs[0], target.ID).String()}, TargetOptions{QUIC: true})
		if err != nil || again[0].ID != target.ID || !again[0].Addrs[0].Equal(target.Addrs[0]) {
			t.Fatalf("%v does not survive being written: %v, %v", target, again, err)
		}
	})
}

func TestHalves(t *testing.T) {
	for n, want := range [][2]int{{0, 0}, {1, 1}, {1, 1}, {2, 1}, {2, 2}, {3, 2}} {
		targets := make([]Target, n)
		for i := range targets {
			targets[i].ID = peer.ID(fmt.Sprint(i))
		}
		a, b := halves(targets)
		if got := [2]int{len(a), len(b)}; got != want {
			t.Errorf("halves of %d: %v, want %v", n, got, want)
		}
		if n == 1 {
			continue // on both
		}
		for _, x := range a {
			for _, y := range b {
				if x.ID == y.ID {
					t.Errorf("halves of %d share %s", n, x.ID)
				}
			}
		}
	}
}

func TestRetryDelay(t *testing.T) {
	for attempts, want := range map[int][2]time.Duration{
		0: {0, 0}, 1: {firstRetry / 2, firstRetry}, 2: {500 * time.Millisecond, time.Second},
		5: {4 * time.Second, 8 * time.Second}, 6: {lastRetry / 2, lastRetry}, 1 << 40: {lastRetry / 2, lastRetry},
	} {
		for range 100 {
			if got := retryDelay(attempts); got < want[0] || got > want[1] {
				t.Fatalf("after %d attempts %v, want between %v and %v", attempts, got, want[0], want[1])
			}
		}
	}
}
