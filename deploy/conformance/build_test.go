package conformance

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime"
	serializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const manifests = "../kubernetes"

// kustomizations are the folders that `kubectl apply -k` takes.
var kustomizations = []string{
	"base", "daemonset", "deployment", "overlays/grpc-probes", "overlays/prometheus-operator", "sidecar",
}

// Every kustomization is in the list above, or is a component that one of them uses.
func TestKustomizationsAreListed(t *testing.T) {
	var found, components, used []string
	walk(t, func(path string, data []byte) {
		if filepath.Base(path) != "kustomization.yaml" {
			return
		}
		var k struct {
			Kind       string
			Components []string
		}
		if err := yaml.Unmarshal(data, &k); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		dir := filepath.Dir(path)
		if k.Kind == "Component" {
			components = append(components, filepath.Base(dir))
			return
		}
		for _, c := range k.Components {
			used = append(used, filepath.Base(c))
		}
		rel, err := filepath.Rel(manifests, dir)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, rel)
	})
	slices.Sort(found)
	if !slices.Equal(found, kustomizations) {
		t.Errorf("found kustomizations %q, want %q", found, kustomizations)
	}
	for _, c := range components {
		if !slices.Contains(used, c) {
			t.Errorf("no kustomization uses the component %s", c)
		}
	}
}

// No file has a key twice, which kustomize would pass over in silence.
func TestNoDuplicateKeys(t *testing.T) {
	walk(t, func(path string, data []byte) {
		for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
			var doc map[string]any
			if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Errorf("%s: %v", path, err)
				return
			}
		}
	})
}

// walk hands every YAML file of the manifests to visit.
func walk(t *testing.T, visit func(path string, data []byte)) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(manifests, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".yaml") && !strings.HasSuffix(path, ".yml") {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			files++
			visit(path, data)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("read %d manifests: %v", files, err)
	}
}

// build is what a kustomization comes to, each object decoded strictly into the type that its apiVersion and kind name.
func build(t *testing.T, dir string) []runtime.Object {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(manifests, dir))
	if err != nil {
		t.Fatalf("kustomize build %s: %v", dir, err)
	}
	decoder := strictDecoder(t)
	var objects []runtime.Object
	for _, r := range resources.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		object, _, err := decoder.Decode(text, nil, nil)
		if err != nil {
			t.Fatalf("%s: %s %s: %v", dir, r.GetKind(), r.GetName(), err)
		}
		objects = append(objects, object)
	}
	if len(objects) == 0 {
		t.Fatalf("%s: kustomize builds nothing", dir)
	}
	return objects
}

// strictDecoder takes the kinds of Kubernetes and of the Prometheus operator; unknown fields and duplicates are errors.
func strictDecoder(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := monitoring.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	options := serializer.SerializerOptions{Yaml: true, Strict: true}
	own := serializer.NewSerializerWithOptions(serializer.DefaultMetaFactory, scheme, scheme, options)
	kinds := legacyscheme.Scheme
	return either{own, serializer.NewSerializerWithOptions(serializer.DefaultMetaFactory, kinds, kinds, options)}
}

// of are the objects of one type.
func of[T runtime.Object](objects []runtime.Object) []T {
	var found []T
	for _, o := range objects {
		if o, ok := o.(T); ok {
			found = append(found, o)
		}
	}
	return found
}
