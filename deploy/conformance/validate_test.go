package conformance

import (
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	networkvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	policyvalidation "k8s.io/kubernetes/pkg/apis/policy/validation"
)

// The API server would take every object: defaults are filled in, then its own validation finds no fault. The operator's
// kinds have theirs in their types alone.
func TestValidation(t *testing.T) {
	for _, dir := range kustomizations {
		t.Run(dir, func(t *testing.T) {
			for _, object := range build(t, dir) {
				for _, fault := range validate(t, object) {
					t.Errorf("%T %s: %v", object, name(t, object), fault)
				}
			}
		})
	}
}

// The validation that the test above rests on finds faults.
func TestValidationFindsFaults(t *testing.T) {
	for name, text := range map[string]string{
		"port out of range": "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80810}]}}",
		"selector": "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, " +
			"template: {metadata: {labels: {a: c}}, spec: {containers: [{name: a, image: a}]}}}}",
		"budget": "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}, spec: {maxUnavailable: 1, minAvailable: 1}}",
		"volume": "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: " +
			"{metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: a, volumeMounts: [{name: x, mountPath: /x}]}]}}}}",
	} {
		t.Run(name, func(t *testing.T) {
			object, _, err := strictDecoder(t).Decode([]byte(text), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(validate(t, object)) == 0 {
				t.Error("it is taken, want a fault")
			}
		})
	}
}

func name(t *testing.T, object runtime.Object) string {
	t.Helper()
	accessor, err := meta.Accessor(object)
	if err != nil {
		t.Fatal(err)
	}
	return accessor.GetName()
}

// validate lists what the API server would refuse in an object.
func validate(t *testing.T, object runtime.Object) field.ErrorList {
	t.Helper()
	switch object.(type) {
	case *monitoring.PodMonitor, *monitoring.PrometheusRule:
		return nil
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		t.Fatal(err)
	}
	if accessor.GetNamespace() == "" {
		accessor.SetNamespace("default") // as kubectl does
	}
	legacyscheme.Scheme.Default(object)
	group := object.GetObjectKind().GroupVersionKind().Group
	version := schema.GroupVersion{Group: group, Version: runtime.APIVersionInternal}
	internal, err := legacyscheme.Scheme.ConvertToVersion(object, version)
	if err != nil {
		t.Fatal(err)
	}
	switch o := internal.(type) {
	case *core.ServiceAccount:
		return corevalidation.ValidateServiceAccount(o)
	case *core.ConfigMap:
		return corevalidation.ValidateConfigMap(o)
	case *core.Service:
		if o.Spec.ClusterIP != "" {
			o.Spec.ClusterIPs = []string{o.Spec.ClusterIP} // the API server does so before it validates
		}
		return corevalidation.ValidateServiceCreate(o)
	case *apps.Deployment:
		return appsvalidation.ValidateDeployment(o, podOptions(&o.Spec.Template))
	case *apps.DaemonSet:
		return appsvalidation.ValidateDaemonSet(o, podOptions(&o.Spec.Template))
	case *apps.StatefulSet:
		return appsvalidation.ValidateStatefulSet(o, appsvalidation.StatefulSetValidationOptions{}, podOptions(&o.Spec.Template))
	case *policy.PodDisruptionBudget:
		return policyvalidation.ValidatePodDisruptionBudget(o, policyvalidation.PodDisruptionBudgetValidationOptions{})
	case *networking.NetworkPolicy:
		return networkvalidation.ValidateNetworkPolicy(o, networkvalidation.NetworkPolicyValidationOptions{})
	}
	t.Fatalf("this test can't validate a %T", object)
	return nil
}

// podOptions are those of a pod that is made new.
func podOptions(template *core.PodTemplateSpec) corevalidation.PodValidationOptions {
	return pod.GetValidationOptionsFromPodTemplate(template, nil)
}
