package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
)

// reference compares a page of docs/ that is written from the code and the rules with what it would be now, or writes it.
// The template of page docs/NAME.md is testdata/docs/NAME.md.tmpl.
func reference(t *testing.T, name string, data any) {
	t.Helper()
	funcs := template.FuncMap{"cell": cell, "code": code, "join": strings.Join}
	page, err := template.New(name + ".tmpl").Funcs(funcs).ParseFiles(filepath.Join("testdata", "docs", name+".tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, data); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "docs", name)
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run make golden", err)
	}
	if !bytes.Equal(got, out.Bytes()) {
		t.Errorf("docs/%s is not what the code says now; run make golden and look at the diff: %s",
			name, firstDifference(string(got), out.String()))
	}
}

// firstDifference names the first line in which two texts part.
func firstDifference(have, want string) string {
	h, w := strings.Split(have, "\n"), strings.Split(want, "\n")
	for i := range min(len(h), len(w)) {
		if h[i] != w[i] {
			return "it has " + strings.TrimSpace(h[i]) + " for " + strings.TrimSpace(w[i])
		}
	}
	return "one of the two ends earlier"
}

// cell is text in a cell of a Markdown table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

// code is text as inline code, or a dash for none.
func code(text string) string {
	if text == "" {
		return "–"
	}
	return "`" + text + "`"
}
