package conformance

import (
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// workload is what runs the exporter, whatever its kind.
type workload struct {
	kind     string
	selector *meta.LabelSelector
	template core.PodTemplateSpec
}

// workloads are those of a kustomization.
func workloads(objects []runtime.Object) []workload {
	var found []workload
	for _, o := range objects {
		switch o := o.(type) {
		case *apps.Deployment:
			found = append(found, workload{"Deployment", o.Spec.Selector, o.Spec.Template})
		case *apps.DaemonSet:
			found = append(found, workload{"DaemonSet", o.Spec.Selector, o.Spec.Template})
		case *apps.StatefulSet:
			found = append(found, workload{"StatefulSet", o.Spec.Selector, o.Spec.Template})
		}
	}
	return found
}

// workloadOf is the only workload of a kustomization.
func workloadOf(t *testing.T, dir string) (workload, []runtime.Object) {
	t.Helper()
	objects := build(t, dir)
	found := workloads(objects)
	if len(found) != 1 {
		t.Fatalf("%s has %d workloads, want 1", dir, len(found))
	}
	return found[0], objects
}

// exporter is the exporter's container.
func (w workload) exporter(t *testing.T) core.Container {
	t.Helper()
	for _, c := range w.template.Spec.Containers {
		if c.Name == "chorus-exporter" {
			return c
		}
	}
	t.Fatalf("the %s has no container chorus-exporter", w.kind)
	return core.Container{}
}
