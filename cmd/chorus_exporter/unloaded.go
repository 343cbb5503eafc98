package main

import (
	"regexp"
	"slices"
	"strings"
)

// maxRuleFileSize bounds what is read of a rule file here, in bytes.
const maxRuleFileSize = 1 << 20

// unloaded stands for rule files that have faults. What they would declare is known only as text.
type unloaded struct {
	texts   [][]byte
	missing bool // a file could not be read at all
}

// unloaded reads the rule files of the configuration as text.
func (c *loaded) unloaded() *unloaded {
	u := &unloaded{missing: c.nameless()}
	for _, file := range c.RuleFiles {
		text, err := readBounded(file, maxRuleFileSize)
		if err != nil {
			u.missing = true
			continue
		}
		u.texts = append(u.texts, text)
	}
	return u
}

// nameless reports whether the configuration names checks in a way that could not be understood.
func (c *loaded) nameless() bool {
	return c.has("rule_files") || slices.ContainsFunc(c.Databases, func(d Database) bool { return d.Name == "" })
}

// mayDeclare reports whether one of the files may declare the name. If one could not be read, that is any name but a
// misspelt one of names.
func (u *unloaded) mayDeclare(name string, names []string) bool {
	if u == nil {
		return false
	}
	word := regexp.MustCompile(`(^|[^a-zA-Z0-9_.-])` + regexp.QuoteMeta(name) + `($|[^a-zA-Z0-9_.-])`)
	if slices.ContainsFunc(u.texts, word.Match) {
		return true
	}
	return u.missing && len(alike(strings.ToLower(name), names)) == 0
}
