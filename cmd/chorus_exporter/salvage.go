package main

import (
	"bytes"
	"reflect"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// maxSections bounds into how many parts a broken file is taken apart.
const maxSections = 1000

// sectionKey finds the key that a section of a file begins with.
var sectionKey = regexp.MustCompile(`^["']?([A-Za-z0-9_]+)["']?\s*:`)

// salvage decodes what can be read of a file that is not YAML as a whole: each top-level key by itself, so that one report
// has the faults of all of them. whole is the error of the whole file, for when each part is YAML.
func (d *decoder) salvage(data []byte, whole error, v any) {
	sections := split(data)
	faults := len(d.list)
	for _, s := range sections {
		var doc yaml.Node
		switch err := yaml.Unmarshal(s.text, &doc); {
		case err != nil:
			d.syntax(err, s.offset)
			d.lose(s.text)
		case len(doc.Content) == 0: // comments alone
		case doc.Content[0].Kind != yaml.MappingNode:
			d.lose(s.text)
		default:
			shift(&doc, s.offset)
			d.value(doc.Content[0], reflect.ValueOf(v).Elem(), "")
		}
	}
	if len(sections) == 0 || !d.hasSyntax(faults) {
		d.syntax(whole, 0)
	}
}

// section is a part of a file that begins with a top-level key.
type section struct {
	text   []byte
	offset int // lines before it
}

// split takes a file apart at the lines that begin with a key. It returns nil if there are too many.
func split(data []byte) (out []section) {
	line := 0
	for text := range bytes.Lines(data) {
		if len(out) == 0 || sectionKey.Match(text) {
			out = append(out, section{offset: line})
		}
		if len(out) > maxSections {
			return nil
		}
		last := &out[len(out)-1]
		last.text = append(last.text, text...)
		line++
	}
	return out
}

// lose takes note of the key that could not be read; "" stands for one that is unknown.
func (d *decoder) lose(text []byte) {
	key := ""
	if m := sectionKey.FindSubmatch(text); m != nil {
		key = string(m[1])
	}
	d.lost = append(d.lost, key)
}

// hasSyntax reports whether one of the problems after the first n concerns the file itself.
func (d *decoder) hasSyntax(n int) bool {
	for _, p := range d.list[n:] {
		if p.field == "" {
			return true
		}
	}
	return false
}

// shift moves a node and what is in it down by some lines.
func shift(n *yaml.Node, lines int) {
	n.Line += lines
	for _, c := range n.Content {
		shift(c, lines)
	}
}
