package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// maxConfigSize bounds what is read of a configuration file, in bytes.
const maxConfigSize = 1 << 20

// decoder lays YAML nodes over a Go value that holds the defaults. Unlike yaml's own decoder it merges maps entry by
// entry, reports every fault with its line and its field, and knows afterwards where each field stands.
type decoder struct {
	problems
	lines    map[string]int // line of every field that the file sets, by its path
	defaults bool           // the file is the embedded defaults
	garbled  bool           // the file is not YAML throughout: some of what it would set is unknown
	lost     []string       // the top-level keys of a garbled file that could not be read; "" for one without a name
}

// decode lays data over what v points to.
func (d *decoder) decode(data []byte, v any) {
	if len(data) > maxConfigSize {
		d.garbled = true
		d.add(0, "", "larger than %d bytes; move rules into files of their own, listed in rule_files", maxConfigSize)
		return
	}
	var doc, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF): // nothing but comments: the defaults
		return
	case err != nil:
		d.garbled = true
		d.salvage(data, err, v)
		return
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		d.add(second.Line, "", "second YAML document; put everything into one document")
	case !errors.Is(err, io.EOF):
		d.garbled = true
		d.syntax(err, 0)
	}
	d.value(doc.Content[0], reflect.ValueOf(v).Elem(), "")
}

// syntax reports an error of the YAML parser, which has the line in its text. What was parsed follows offset lines.
func (d *decoder) syntax(err error, offset int) {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 0
	if m := regexp.MustCompile(`^line (\d+): (.*)$`).FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = m[2]
	}
	d.add(line+offset, "", "invalid YAML: %s; check colons, quotes and indentation (no tabs) on this line and above", text)
}

// value lays one node over v, which is what stands at path.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	d.lines[path] = n.Line
	switch {
	case n.Kind == yaml.AliasNode:
		d.add(n.Line, path, "aliases are not supported; write the value out")
	case n.Anchor != "":
		d.add(n.Line, path, "anchors are not supported; write the value out where it is needed")
	case n.ShortTag() == "!!null":
		d.add(n.Line, path, "no value; set one, or remove the key to keep the default")
	case v.Kind() == reflect.Pointer:
		fresh, faults := reflect.New(v.Type().Elem()), len(d.list) // what v points to belongs to the defaults
		if d.value(n, fresh.Elem(), path); len(d.list) == faults {
			v.Set(fresh)
		}
	case v.Kind() == reflect.Struct:
		d.structure(n, v, path)
	case v.Kind() == reflect.Map:
		d.mapping(n, v, path)
	case v.Kind() == reflect.Slice:
		d.sequence(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string) {
	fields, names := map[string]reflect.Value{}, []string{}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if strings.HasSuffix(name, "_defaults") && !d.defaults {
			continue
		}
		fields[name] = v.Field(i)
		names = append(names, name)
	}
	d.pairs(n, path, func(key *yaml.Node, value *yaml.Node, at string) {
		if field, ok := fields[key.Value]; ok {
			d.value(value, field, at)
			return
		}
		d.addUnknown(key, path, names)
	})
}

// addUnknown reports a key that what is at path does not have; names are the keys that it has.
func (d *decoder) addUnknown(key *yaml.Node, path string, names []string) {
	at := strings.TrimPrefix(path+"."+key.Value, ".")
	switch {
	case slices.Contains(later(path), key.Value):
		d.add(key.Line, at, "not supported by this version; remove it")
	case key.Value == "check_defaults":
		d.add(key.Line, at, "reserved for the shipped defaults; change single checks under \"checks\"")
	case key.Value == "hook_defaults":
		d.add(key.Line, at, "reserved for the shipped defaults; change each hook instead")
	default:
		d.addNamed(key.Line, path, key.Value, "unknown key %q; %s", key.Value, meant(key.Value, names))
	}
}

// later are the keys that the format reserves for what this version has not.
func later(path string) []string {
	if path == "" {
		return []string{"rule_packs", "tasks", "scrapes"}
	}
	return nil
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	d.pairs(n, path, func(key *yaml.Node, value *yaml.Node, at string) {
		entry := reflect.New(v.Type().Elem()).Elem()
		if old := v.MapIndex(reflect.ValueOf(key.Value)); old.IsValid() {
			entry.Set(old)
		}
		d.value(value, entry, at)
		v.SetMapIndex(reflect.ValueOf(key.Value), entry)
	})
}

// pairs calls do for every key of a mapping with its value and its path.
func (d *decoder) pairs(n *yaml.Node, path string, do func(key, value *yaml.Node, at string)) {
	if n.Kind != yaml.MappingNode {
		d.add(n.Line, path, "must be a mapping (one \"key: value\" per line), not %s", kindOf(n))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			d.add(key.Line, path, "invalid key: %s; use a plain word", kindOf(key))
			continue
		}
		if key.ShortTag() == "!!merge" {
			d.add(key.Line, path, "merge keys (<<) are not supported; write the keys out")
			continue
		}
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		if line, ok := seen[key.Value]; ok {
			d.add(key.Line, at, "duplicate key, first set on line %d", line)
			continue
		}
		seen[key.Value] = key.Line
		do(key, n.Content[i+1], at)
	}
}

// sequence replaces the slice v: a list in the file is the whole list.
func (d *decoder) sequence(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		d.add(n.Line, path, "must be a list (one \"- item\" per line), not %s", kindOf(n))
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, c := range n.Content {
		d.value(c, list.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
	v.Set(list)
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.add(n.Line, path, "must be a single value, not %s", kindOf(n))
		return
	}
	if n.ShortTag() == "!!binary" {
		d.add(n.Line, path, "binary values are not supported; write plain text")
		return
	}
	if v.Type() == reflect.TypeFor[model.Duration]() {
		t, err := model.ParseDuration(n.Value)
		if err != nil {
			d.add(n.Line, path, "invalid duration %q: use a number with a unit, such as 30s or 5m", n.Value)
			return
		}
		v.SetInt(int64(t))
		return
	}
	if own, ok := reflect.TypeAssert[interface{ fromNode(n *yaml.Node) error }](v.Addr()); ok {
		if err := own.fromNode(n); err != nil {
			d.add(n.Line, path, "%v", err)
		}
		return
	}
	if err := n.Decode(v.Addr().Interface()); err != nil {
		kind, example := wanted(v.Kind())
		if v.Kind() == reflect.Int && wholeNumber.MatchString(n.Value) {
			example = "a smaller one"
		}
		d.add(n.Line, path, "invalid %s %q: use %s", kind, n.Value, example)
	}
}

// wholeNumber is one of any size.
var wholeNumber = regexp.MustCompile(`^[-+]?\d+$`)

// wanted returns what a value of that kind is called, and what to write.
func wanted(k reflect.Kind) (kind, example string) {
	switch k {
	case reflect.Bool:
		return "boolean", "true or false"
	case reflect.Int:
		return "whole number", "digits only"
	case reflect.Float64:
		return "number", "a number such as 0.95"
	default:
		return "text", "quotes around it"
	}
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	default:
		return "a single value"
	}
}
