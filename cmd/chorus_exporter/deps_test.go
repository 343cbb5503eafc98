package main

import (
	"os/exec"
	"path"
	"strings"
	"testing"
)

// grpcRoom alone links grpcModule.
const grpcRoom, grpcModule = "web/grpc", "google.golang.org/grpc"

// Whoever embeds the rooms that know nothing of clusters or databases links neither libp2p nor a driver nor gRPC nor the
// SDK of a cloud.
func TestLibrariesLinkLittle(t *testing.T) {
	list, err := exec.Command("go", "list", "-m").Output()
	if err != nil {
		t.Fatal(err)
	}
	module := strings.TrimSpace(string(list))
	unwanted := []string{
		"github.com/libp2p/", "github.com/multiformats/", "github.com/ipfs/",
		"github.com/jackc/pgx/", "modernc.org/sqlite",
		"github.com/yuin/goldmark",
		"github.com/aws/", "github.com/Azure/", "cloud.google.com/", grpcModule,
	}
	for _, room := range []string{
		".", "collectors", "evaluator", "evaluator/shutdown", "probes", "probes/peer", "probes/probetest", "probes/sql", "probes/sql/dsn", "rules", "web", "web/serve", grpcRoom,
	} {
		out, err := exec.Command("go", "list", "-deps", path.Join(module, room)).Output()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains("\n"+string(out), "\n"+path.Join(module, room)+"\n") {
			t.Fatalf("go list -deps of %s lists everything but itself", room)
		}
		for line := range strings.Lines(string(out)) {
			for _, prefix := range unwanted {
				if strings.HasPrefix(line, prefix) && (room != grpcRoom || prefix != grpcModule) {
					t.Errorf("%s links %s", path.Join(module, room), strings.TrimSpace(line))
				}
			}
			// The PromQL engine's logging imports Kubernetes' REST client, for a type: 79 packages that only who embeds
			// the engine gets.
			engine := room == "." || room == "evaluator" || room == "rules" || room == "web"
			if strings.HasPrefix(line, "k8s.io/") && !engine {
				t.Errorf("%s links %s", path.Join(module, room), strings.TrimSpace(line))
			}
		}
	}
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"chorus/probes/p2p/devnet\n", "github.com/libp2p/go-libp2p\n"} {
		if strings.Contains("\n"+string(out), "\n"+line) {
			t.Errorf("the exporter links %s", strings.TrimSpace(line))
		}
	}
}
