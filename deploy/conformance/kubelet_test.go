package conformance

import (
	"slices"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/probe"
	grpcprobe "k8s.io/kubernetes/pkg/probe/grpc"
	httpprobe "k8s.io/kubernetes/pkg/probe/http"
)

// kubelet asks an exporter as a kubelet does: with its code, by the probes of a container in the manifests.
type kubelet struct {
	t         *testing.T
	container core.Container
	exporter  *exporter
	timeout   time.Duration // instead of the probes' own; 0 takes theirs
}

// newKubelet starts the exporter of a kustomization with a configuration of the test's own.
func newKubelet(t *testing.T, dir, config string, more ...string) kubelet {
	t.Helper()
	w, _ := workloadOf(t, dir)
	c := w.exporter(t)
	k := kubelet{t: t, container: c, exporter: start(t, c.Args, config, more...)}
	// The container's ports are where they are in this test.
	k.container.Ports = slices.Clone(c.Ports)
	for i, p := range k.container.Ports {
		if n, ok := k.exporter.port[p.Name]; ok {
			k.container.Ports[i].ContainerPort = int32(n)
		}
	}
	return k
}

func (k kubelet) started() probe.Result { k.t.Helper(); return k.ask(k.container.StartupProbe) }
func (k kubelet) ready() probe.Result   { k.t.Helper(); return k.ask(k.container.ReadinessProbe) }
func (k kubelet) live() probe.Result    { k.t.Helper(); return k.ask(k.container.LivenessProbe) }

// ask does once what the kubelet's runProbe does (pkg/kubelet/prober/prober.go): an error counts as a failure.
func (k kubelet) ask(p *core.Probe) probe.Result {
	k.t.Helper()
	timeout := k.timeout
	if timeout == 0 {
		timeout = time.Duration(p.TimeoutSeconds) * time.Second
	}
	var result probe.Result
	var text string
	var err error
	if p.GRPC != nil {
		port, ok := k.exporter.port["grpc"]
		if !ok {
			k.t.Fatal("the exporter does not listen for gRPC")
		}
		result, text, err = grpcprobe.New().Probe("127.0.0.1", *p.GRPC.Service, port, timeout, grpcprobe.ProbeOptions{})
	} else {
		req, reqErr := httpprobe.NewRequestForHTTPGetAction(p.HTTPGet, &k.container, "127.0.0.1", "probe")
		if reqErr != nil {
			k.t.Fatal(reqErr)
		}
		result, text, err = httpprobe.New(false).Probe(req, timeout)
	}
	if err != nil || result == probe.Unknown {
		k.t.Logf("probe %v: %s %q, %v", p.ProbeHandler, result, text, err)
		return probe.Failure
	}
	return result
}
