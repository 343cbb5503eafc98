package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// problem is one fault of a configuration file.
type problem struct {
	line  int    // 1-based; 0 when it concerns the whole file
	field string // such as "databases[0].dsn"
	text  string // what is wrong; what mends it
}

// problems are all faults of one configuration file. As an error it prints one line for each, in the file's order.
type problems struct {
	file string
	list []problem
}

// add notes a fault, unless one of the field or of what the field stands in is known: the new one would follow from it.
func (p *problems) add(line int, field, format string, args ...any) {
	for _, known := range p.list {
		rest, inside := strings.CutPrefix(field, known.field)
		if known.field != "" && inside && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return
		}
	}
	p.list = append(p.list, problem{line, field, fmt.Sprintf(format, args...)})
}

// err is p, sorted, or nil when there is no fault.
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
		if l.field != "" {
			at += ": " + l.field
		}
		lines[i] = at + ": " + l.text
	}
	return strings.Join(lines, "\n")
}

// meant is a hint at the names that were perhaps meant by name: the near ones, else all of them.
func meant(name string, names []string) string {
	var near []string
	for _, n := range names {
		if distance(name, n) <= max(1, len(n)/4) {
			near = append(near, n)
		}
	}
	if len(near) > 0 {
		slices.Sort(near)
		return "did you mean " + strings.Join(near, " or ") + "?"
	}
	if len(names) == 0 {
		return "there is none"
	}
	all := slices.Sorted(slices.Values(names))
	return "there is " + strings.Join(slices.Compact(all), ", ")
}

// distance is the Levenshtein distance of two names in bytes. Long ones are not worth comparing.
func distance(a, b string) int {
	const longest = 100
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
