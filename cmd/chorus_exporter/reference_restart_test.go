package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// fullConfig is the defaults with p2p, election and a fleet configured, so that a change of any key of these counts.
func fullConfig(t *testing.T) *loaded {
	t.Helper()
	c, err := parseDefaults()
	if err != nil {
		t.Fatal(err)
	}
	c.P2P.Targets = []string{"/ip4/127.0.0.1/tcp/1/p2p/12D3KooW"}
	c.Shutdown.Fleet.Exporters = []string{"12D3KooW"}
	c.lines["election"] = 1
	return c
}

// needsRestart asks the very checks of a reload: whether they refuse a configuration in which the key at path, or what
// it stands in, is another.
func (w *keyWalk) needsRestart(path string) bool {
	path, _, _ = strings.Cut(strings.TrimSuffix(path, "[]"), "[].")
	path, _, _ = strings.Cut(path, ".NAME")
	now, was := fullConfig(w.t), fullConfig(w.t)
	v := reflect.ValueOf(&now.Config).Elem()
	for name := range strings.SplitSeq(path, ".") {
		v = fieldOf(v, name)
	}
	if v.Kind() == reflect.Struct { // whether it is there at all
		now.drop(path)
	} else {
		changeValue(v)
	}
	now.checkRestart(was)
	now.checkFleetRestart(was)
	return len(now.list) > 0
}

// drop takes away what configures a mapping that may be left out.
func (c *loaded) drop(path string) {
	switch path {
	case "p2p":
		c.P2P.Targets = nil
	case "election":
		delete(c.lines, "election")
	case "shutdown.fleet":
		c.Shutdown.Fleet.Exporters = nil
	}
}

// fieldOf is the field of v that has the key name.
func fieldOf(v reflect.Value, name string) reflect.Value {
	for i, f := range slices.Collect(v.Type().Fields()) {
		if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key == name {
			return v.Field(i)
		}
	}
	panic("no key " + name)
}

// changeValue makes another value of one.
func changeValue(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Float64:
		v.SetFloat(v.Float() + 1)
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Slice:
		v.Set(reflect.Append(v, reflect.New(v.Type().Elem()).Elem()))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	default:
		panic("no other value of a " + v.Type().String())
	}
}

// fieldComments are the comments above the fields of the configuration's types, by TYPE.FIELD, each in one line.
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("config*.go")
	if err != nil {
		t.Fatal(err)
	}
	out, set := map[string]string{}, token.NewFileSet()
	for _, file := range files {
		parsed, err := parser.ParseFile(set, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					if len(f.Names) == 1 {
						out[spec.Name.Name+"."+f.Names[0].Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
					}
				}
			}
			return false
		})
	}
	return out
}
