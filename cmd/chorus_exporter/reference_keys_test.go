package main

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/common/model"

	"chorus/rules"
)

// keyDoc is a key of a configuration file as docs/config-keys.md has it.
type keyDoc struct {
	Path, Type, Default, Reload, Text string
}

// keySection is a top-level key with what stands under it.
type keySection struct {
	keyDoc
	Keys []keyDoc
}

// Every key that a file may have stands in the reference, with the default of rules/defaults.yml and the comment of its
// field. A field without a comment is a fault.
func TestReferenceOfKeys(t *testing.T) {
	w := keyWalk{t: t, texts: fieldComments(t), config: fullConfig(t)}
	w.structure(reflect.ValueOf(w.config.Config), "")
	data := struct {
		Plain    []keyDoc
		Sections []*keySection
		Kinds    []checkDoc
		Checks   []checkDoc
	}{Kinds: checkDocs(w.config.CheckDefaults, nil), Checks: checkDocs(w.config.shipped, shippedRules(t).Checks())}
	for _, k := range w.keys {
		switch top, _, nested := strings.Cut(k.Path, "."); {
		case nested || strings.Contains(top, "[]"):
			s := data.Sections[len(data.Sections)-1]
			s.Keys = append(s.Keys, k)
		case k.Type == "mapping" || strings.HasSuffix(k.Type, "mappings"):
			data.Sections = append(data.Sections, &keySection{keyDoc: k})
		default:
			data.Plain = append(data.Plain, k)
		}
	}
	reference(t, "config-keys.md", data)
}

// keyWalk collects the keys of a configuration.
type keyWalk struct {
	t      *testing.T
	texts  map[string]string // comments of fields, by TYPE.FIELD
	config *loaded
	keys   []keyDoc
}

// structure adds the keys of a struct that holds the defaults and stands at path.
func (w *keyWalk) structure(v reflect.Value, path string) {
	for i, field := range slices.Collect(v.Type().Fields()) {
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if strings.HasSuffix(name, "_defaults") { // of the shipped defaults alone
			continue
		}
		text := w.texts[v.Type().Name()+"."+field.Name]
		if text == "" {
			w.t.Errorf("%s.%s has no comment, which docs/config-keys.md would have for the key %s%s", v.Type(), field.Name, path, name)
		}
		w.key(v.Field(i), path+name, text)
	}
}

// key adds the key at path and what stands under it.
func (w *keyWalk) key(v reflect.Value, path, text string) {
	k := keyDoc{Path: path, Type: typeOf(v.Type()), Reload: "reload"}
	k.Text, k.Default, _ = strings.Cut(text, "Default: ")
	k.Default = strings.TrimSuffix(k.Default, ".")
	switch {
	case w.needsRestart(path):
		k.Reload = "restart"
	case v.Kind() == reflect.Struct:
		k.Reload = "–"
	}
	if shown := shownDefault(v); shown != "" && k.Default != "" {
		w.t.Errorf("the comment of %s says a default, and rules/defaults.yml has %s; remove it from the comment", path, shown)
	} else if shown != "" {
		k.Default = shown
	}
	if k.Default == "" {
		k.Default = map[string]string{"mapping": "see below", "boolean": "false"}[k.Type]
	}
	if k.Default == "" {
		k.Default = "none"
	}
	w.keys = append(w.keys, k)
	switch elem := v.Type(); {
	case elem.Kind() == reflect.Struct:
		w.structure(v, path+".")
	case elem.Kind() == reflect.Map:
		w.structure(reflect.New(elem.Elem()).Elem(), path+".NAME.")
	case elem == reflect.TypeFor[[]Hook]():
		w.structure(reflect.ValueOf(w.config.Shutdown.HookDefaults), path+"[].")
	case elem.Kind() == reflect.Slice && elem.Elem().Kind() == reflect.Struct:
		w.structure(reflect.New(elem.Elem()).Elem(), path+"[].")
	}
}

// shownDefault is a default as one would write it; empty for a zero one, and for what is shown key by key.
func shownDefault(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case model.Duration:
		if x != 0 {
			return "`" + x.String() + "`"
		}
	case []Disk:
		return "`[{path: " + x[0].Path + "}]`"
	case string:
		if x != "" {
			return "`" + x + "`"
		}
	case int:
		if x != 0 {
			return "`" + strconv.Itoa(x) + "`"
		}
	case Limit:
		if x != 0 {
			return "`" + strconv.FormatFloat(float64(x), 'f', -1, 64) + "`"
		}
	case float64:
		if x != 0 {
			return "`" + strconv.FormatFloat(x, 'f', -1, 64) + "`"
		}
	}
	return ""
}

// typeOf says what is written for a value of that type.
func typeOf(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[model.Duration]():
		return "duration"
	case t == reflect.TypeFor[Limit]():
		return "number or off"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return "list of mappings"
	case t.Kind() == reflect.Map:
		return "mapping of names to mappings"
	}
	return map[reflect.Kind]string{
		reflect.Bool: "boolean", reflect.Int: "whole number", reflect.Float64: "number", reflect.String: "text",
		reflect.Slice: "list of texts", reflect.Struct: "mapping",
	}[t.Kind()]
}

// checkDoc is a shipped check, or a kind of checks, with what it runs with.
type checkDoc struct{ Name, Enabled, Interval, Timeout, Critical, Threshold string }

// checkDocs describes checks; byRule are those of which the rule files say whether they are critical.
func checkDocs(checks map[string]Check, byRule []rules.Check) (out []checkDoc) {
	critical := map[string]string{}
	for _, c := range byRule {
		critical[c.Name] = strconv.FormatBool(c.Critical)
	}
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		c := checks[name]
		d := checkDoc{
			Name: name, Enabled: "on", Interval: c.Interval.String(), Timeout: c.Timeout.String(), Critical: critical[name],
		}
		if !c.enabled() {
			d.Enabled = "off"
		}
		if c.Critical != nil {
			d.Critical = strconv.FormatBool(*c.Critical)
		}
		if c.FailureThreshold != nil {
			d.Threshold = strconv.Itoa(*c.FailureThreshold)
		}
		out = append(out, d)
	}
	return out
}
