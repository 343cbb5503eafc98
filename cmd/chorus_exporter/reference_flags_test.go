package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"
)

// flagDoc is a flag, and exitDoc an exit code, as docs/flags.md has it.
type (
	flagDoc struct{ Name, Default, Help string }
	exitDoc struct{ Code, Text string }
)

// Every flag stands in the reference as --help has it, and every exit code with its comment in the code.
func TestReferenceOfFlags(t *testing.T) {
	var data struct {
		Flags []flagDoc
		Exits []exitDoc
	}
	for _, f := range new(flags).application().Model().Flags {
		if f.Hidden {
			continue
		}
		data.Flags = append(data.Flags, flagDoc{flagName(f), strings.Join(f.Default, ", "), escapeURL(f.Help)})
	}
	data.Exits = exitCodes(t)
	reference(t, "flags.md", data)
}

// flagName is how a flag is written.
func flagName(f *kingpin.FlagModel) string {
	name := "--" + f.Name
	if f.Short != 0 {
		name = "-" + string(f.Short) + ", " + name
	}
	if f.IsBoolFlag() {
		return name
	}
	return name + "=…"
}

// escapeURL makes a link of an address in a help text.
func escapeURL(help string) string {
	words := strings.Fields(help)
	for i, w := range words {
		if strings.HasPrefix(w, "https://") {
			words[i] = "<" + w + ">"
		}
	}
	return strings.Join(words, " ")
}

// exitCodes are the constants exit… with their comments.
func exitCodes(t *testing.T) (out []exitDoc) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "flags.go", nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "exit") {
			return true
		}
		code, ok := spec.Values[0].(*ast.BasicLit)
		text := strings.TrimSpace(spec.Comment.Text())
		if !ok || text == "" {
			t.Errorf("%s has no comment or no number; docs/flags.md needs both", spec.Names[0].Name)
			return false
		}
		out = append(out, exitDoc{code.Value, text})
		return false
	})
	if len(out) == 0 {
		t.Error("flags.go has no exit codes")
	}
	return out
}
