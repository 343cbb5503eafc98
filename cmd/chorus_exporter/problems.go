package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/agnivade/levenshtein"
)

// problem is one fault of a configuration file.
type problem struct {
	line  int    // 1-based; 0 when it concerns the whole file
	field string // such as "databases[0].dsn"
	shown string // what the line says of the field
	text  string // what is wrong; how to fix it
}

// problems are all faults of one configuration file. As an error it prints one line for each, in the file's order.
type problems struct {
	file string
	list []problem
}

// add notes a fault, unless one of the field or of what the field stands in is known: the new one would follow from it.
func (p *problems) add(line int, field, format string, args ...any) {
	p.note(problem{line, field, field, fmt.Sprintf(format, args...)})
}

// addNamed notes a fault of the key name in what is at path. The text names the key.
func (p *problems) addNamed(line int, path, name, format string, args ...any) {
	p.note(problem{line, strings.TrimPrefix(path+"."+name, "."), path, fmt.Sprintf(format, args...)})
}

func (p *problems) note(fresh problem) {
	if !slices.ContainsFunc(p.list, func(known problem) bool { return known.field != "" && inField(fresh.field, known.field) }) {
		p.list = append(p.list, fresh)
	}
}

// has reports whether a fault of the field, or of what stands in the field, is known.
func (p *problems) has(field string) bool {
	return slices.ContainsFunc(p.list, func(known problem) bool { return inField(known.field, field) })
}

// inField reports whether field is outer or stands in outer.
func inField(field, outer string) bool {
	rest, inside := strings.CutPrefix(field, outer)
	return inside && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// err is p, sorted, or nil when there is not a fault.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortFunc(p.list, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.field, b.field), cmp.Compare(a.text, b.text))
	})
	return p
}

func (p *problems) Error() string {
	lines := make([]string, len(p.list))
	for i, l := range p.list {
		at := p.file
		if l.line > 0 {
			at = fmt.Sprintf("%s:%d", p.file, l.line)
		}
		if l.shown != "" {
			at += ": " + printable(l.shown)
		}
		lines[i] = at + ": " + l.text
	}
	return strings.Join(lines, "\n")
}

// printable is a field on one line, whatever the file has as a key.
func printable(field string) string {
	if strings.ContainsFunc(field, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(field)
	}
	return field
}

// meant returns a hint at the names that were perhaps meant by name: the near ones, else all of them.
func meant(name string, names []string) string {
	if near := alike(name, names); len(near) > 0 {
		slices.Sort(near)
		return "did you mean \"" + strings.Join(slices.Compact(near), "\" or \"") + "\"?"
	}
	if len(names) == 0 {
		return "there are none, remove it"
	}
	all := slices.Compact(slices.Sorted(slices.Values(names)))
	const most = 30
	if len(all) > most {
		return fmt.Sprintf("use one of %s and %d more", strings.Join(all[:most], ", "), len(all)-most)
	}
	return "use one of " + strings.Join(all, ", ")
}

// maxCompared is the length of the longest name that is compared with others.
const maxCompared = 100

// alike returns the names that differ from name by a typing error or two.
func alike(name string, names []string) (near []string) {
	if len(name) > maxCompared {
		return nil
	}
	for _, n := range names {
		if levenshtein.ComputeDistance(name, n) <= max(1, len(n)/4) {
			near = append(near, n)
		}
	}
	return near
}
