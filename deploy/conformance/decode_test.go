package conformance

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// either decodes with the second what the first does not know.
type either [2]runtime.Decoder

func (e either) Decode(data []byte, gvk *schema.GroupVersionKind, into runtime.Object) (
	runtime.Object, *schema.GroupVersionKind, error,
) {
	object, kind, err := e[0].Decode(data, gvk, into)
	if runtime.IsNotRegisteredError(err) {
		return e[1].Decode(data, gvk, into)
	}
	return object, kind, err
}

// The decoder that the other tests rest on is strict.
func TestDecoderIsStrict(t *testing.T) {
	decoder := strictDecoder(t)
	for name, tt := range map[string]struct{ text, err string }{
		"good":          {"{apiVersion: v1, kind: Service, metadata: {name: a}}", ""},
		"good monitor":  {"{apiVersion: monitoring.coreos.com/v1, kind: PodMonitor, metadata: {name: a}}", ""},
		"unknown field": {"{apiVersion: v1, kind: Service, spec: {porrt: 1}}", `unknown field "spec.porrt"`},
		"duplicate":     {"apiVersion: v1\nkind: Service\nspec: {}\nspec: {}\n", `key "spec" already set`},
		"unknown kind":  {"{apiVersion: v1, kind: Sirvice}", `no kind "Sirvice" is registered`},
		"old version":   {"{apiVersion: policy/v1beta9, kind: PodDisruptionBudget}", "no kind"},
		"wrong type":    {"{apiVersion: v1, kind: Service, spec: {ports: [{port: eighty}]}}", "cannot unmarshal string"},
		"unknown monitor field": {
			"{apiVersion: monitoring.coreos.com/v1, kind: PodMonitor, spec: {endpoints: []}}", `unknown field "spec.endpoints"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := decoder.Decode([]byte(tt.text), nil, nil)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}
