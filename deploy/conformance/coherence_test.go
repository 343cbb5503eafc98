package conformance

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/pod-security-admission/api"
	admission "k8s.io/pod-security-admission/policy"
)

// kinds are the three ways to run the exporter, as they stand.
var kinds = []string{"daemonset", "deployment", "sidecar"}

// What selects pods selects those of the workload, and ports that are named are there.
func TestSelectorsAndPorts(t *testing.T) {
	for _, dir := range kustomizations[1:] { // base has no pods
		t.Run(dir, func(t *testing.T) {
			w, objects := workloadOf(t, dir)
			pods := labels.Set(w.template.Labels)
			selects := func(what string, s *meta.LabelSelector) {
				t.Helper()
				selector, err := meta.LabelSelectorAsSelector(s)
				if err != nil || selector.Empty() || !selector.Matches(pods) {
					t.Errorf("the selector of %s, %v, does not match the pods %v (%v)", what, s, pods, err)
				}
			}
			selects("the "+w.kind, w.selector)
			for _, c := range w.template.Spec.TopologySpreadConstraints {
				selects("the spread over "+c.TopologyKey, c.LabelSelector)
			}
			for _, b := range of[*policy.PodDisruptionBudget](objects) {
				selects("PodDisruptionBudget "+b.Name, b.Spec.Selector)
			}
			for _, m := range of[*monitoring.PodMonitor](objects) {
				selects("PodMonitor "+m.Name, &m.Spec.Selector)
				for _, e := range m.Spec.PodMetricsEndpoints {
					hasPort(t, w, *e.Port)
				}
			}
			for _, s := range of[*core.Service](objects) {
				selects("Service "+s.Name, &meta.LabelSelector{MatchLabels: s.Spec.Selector})
				for _, p := range s.Spec.Ports {
					hasPort(t, w, p.TargetPort.StrVal)
				}
			}
			policies := of[*networking.NetworkPolicy](objects)
			if len(policies) == 0 {
				t.Error("no NetworkPolicy")
			}
			for _, p := range policies {
				selects("NetworkPolicy "+p.Name, &p.Spec.PodSelector)
				for _, rule := range p.Spec.Ingress {
					for _, port := range rule.Ports {
						hasPort(t, w, port.Port.StrVal)
						if name := port.Port.StrVal; name == "probes" || name == "grpc" {
							t.Errorf("NetworkPolicy %s opens the port %s, which only the kubelet needs", p.Name, name)
						}
					}
				}
			}
		})
	}
}

func hasPort(t *testing.T, w workload, name string) {
	t.Helper()
	for _, c := range w.template.Spec.Containers {
		if slices.ContainsFunc(c.Ports, func(p core.ContainerPort) bool { return name != "" && p.Name == name }) {
			return
		}
	}
	t.Errorf("no container has a port %q", name)
}

// What a pod names is there: its service account without a token, its configuration under the name that the arguments
// have, its volumes. The grace is longer than the exporter needs to stop; that is tested beside the exporter.
func TestReferences(t *testing.T) {
	for _, dir := range kustomizations[1:] {
		t.Run(dir, func(t *testing.T) {
			w, objects := workloadOf(t, dir)
			spec := w.template.Spec
			account := only[*core.ServiceAccount](t, objects)
			if spec.ServiceAccountName != account.Name {
				t.Errorf("service account %q, want %q", spec.ServiceAccountName, account.Name)
			}
			for _, token := range []*bool{spec.AutomountServiceAccountToken, account.AutomountServiceAccountToken} {
				if token == nil || *token {
					t.Error("a token of the API server is mounted")
				}
			}
			config := only[*core.ConfigMap](t, objects)
			if !slices.ContainsFunc(spec.Volumes, func(v core.Volume) bool {
				return v.Name == "config" && v.ConfigMap != nil && v.ConfigMap.Name == config.Name
			}) {
				t.Errorf("no volume has the configuration %s", config.Name)
			}
			c := w.exporter(t)
			mount := c.VolumeMounts[slices.IndexFunc(c.VolumeMounts, func(m core.VolumeMount) bool { return m.Name == "config" })]
			for file := range config.Data {
				if arg := "--config.file=" + filepath.Join(mount.MountPath, file); !slices.Contains(c.Args, arg) {
					t.Errorf("arguments %q, want %s", c.Args, arg)
				}
			}
			for _, m := range c.VolumeMounts {
				if !m.ReadOnly {
					t.Errorf("%s is mounted for writing", m.MountPath)
				}
			}
			if c.Resources.Requests.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
				t.Error("requests no memory or no CPU")
			}
			if got, want := c.Resources.Limits.Memory().IsZero(), w.kind == "DaemonSet"; got != want {
				t.Errorf("no memory limit: %v, want %v", got, want)
			}
			for _, volume := range spec.Volumes {
				if volume.HostPath != nil && !strings.HasPrefix(volume.HostPath.Path, "/var/") {
					t.Errorf("the host's %s is mounted", volume.HostPath.Path)
				}
			}
		})
	}
}

// only is the one object of a type.
func only[T runtime.Object](t *testing.T, objects []runtime.Object) T {
	t.Helper()
	found := of[T](objects)
	if len(found) != 1 {
		t.Fatalf("found %d %T, want 1", len(found), *new(T))
	}
	return found[0]
}

// Every pod is admitted where the pod security standard `restricted` is enforced; the DaemonSet but for the host's
// folders, which is all it asks for beyond it.
func TestPodSecurity(t *testing.T) {
	evaluator, err := admission.NewEvaluator(admission.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, dir := range kustomizations[1:] {
		t.Run(dir, func(t *testing.T) {
			w, _ := workloadOf(t, dir)
			result := admission.AggregateCheckResults(evaluator.EvaluatePod(level, &w.template.ObjectMeta, &w.template.Spec))
			got, want := strings.Join(result.ForbiddenReasons, ", "), ""
			if w.kind == "DaemonSet" {
				want = "restricted volume types"
			}
			if got != want {
				t.Errorf("not restricted: %q, want %q", got, want)
			}
		})
	}
}

// The probes have the times that the documentation names, and the port that needs no password. Every kind of workload
// has the same ones.
func TestProbes(t *testing.T) {
	type times struct{ delay, period, timeout, failures int32 }
	first, _ := workloadOf(t, kinds[0])
	for _, dir := range kustomizations[1:] {
		t.Run(dir, func(t *testing.T) {
			w, _ := workloadOf(t, dir)
			c := w.exporter(t)
			if want := first.exporter(t).Args; slices.Contains(kinds, dir) && !slices.Equal(c.Args, want) {
				t.Errorf("arguments %q, want %q as elsewhere", c.Args, want)
			}
			for _, tt := range []struct {
				probe *core.Probe
				path  string
				grpc  string
				want  times
			}{
				{c.StartupProbe, "/health/live", "liveness", times{0, 2, 5, 30}},
				{c.ReadinessProbe, "/health/ready", "readiness", times{10, 5, 3, 3}},
				{c.LivenessProbe, "/health/live", "liveness", times{30, 10, 5, 3}},
			} {
				p := tt.probe
				if got := (times{p.InitialDelaySeconds, p.PeriodSeconds, p.TimeoutSeconds, p.FailureThreshold}); got != tt.want {
					t.Errorf("%s: %+v, want %+v", tt.path, got, tt.want)
				}
				if dir == "overlays/grpc-probes" {
					if p.HTTPGet != nil || p.GRPC == nil || p.GRPC.Port != 8083 || *p.GRPC.Service != tt.grpc {
						t.Errorf("%v asks elsewhere than %s by gRPC", p.ProbeHandler, tt.grpc)
					}
					continue
				}
				if p.HTTPGet == nil || p.HTTPGet.Path != tt.path || p.HTTPGet.Port.StrVal != "probes" || p.GRPC != nil {
					t.Errorf("%v asks elsewhere than %s on the probe listener", p.ProbeHandler, tt.path)
				}
			}
		})
	}
}
