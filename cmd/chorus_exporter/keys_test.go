package main

import (
	"reflect"
	"strings"
)

// allKeys are the keys of a configuration file as the reference writes them: dotted for what stands alone or in a list
// within something else, the plain key for what is set for each check, component, database or disk.
func allKeys() []string {
	var keys []string
	addKeys(reflect.TypeFor[Config](), "", &keys)
	return keys
}

func addKeys(t reflect.Type, prefix string, keys *[]string) {
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch inner := field.Type; {
		case strings.HasSuffix(name, "_defaults"): // of the shipped defaults alone
		case inner.Kind() == reflect.Struct:
			addKeys(inner, prefix+name+".", keys)
		case inner == reflect.TypeFor[map[string]Component]() || inner == reflect.TypeFor[[]Disk]():
			*keys = append(*keys, name) // described in one line
		case inner.Kind() == reflect.Map || inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct:
			*keys = append(*keys, prefix+name)
			entry := ""
			if prefix != "" {
				entry = prefix + name + "[]."
			}
			addKeys(inner.Elem(), entry, keys)
		default:
			*keys = append(*keys, prefix+name)
		}
	}
}
