package rules

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// readFiles parses all shipped files and all own ones and decides which are loaded, in evaluation order. The shipped
// ones that are not loaded are kept too: what they declare is known, so switching it off is no mistake.
func (l *loader) readFiles(shipped fs.FS) error {
	files, err := l.readShipped(shipped)
	if err != nil {
		return err
	}
	own, replaced := l.readOwnFiles(files)
	for i, f := range files {
		r := replaced[f.stem]
		if !l.wants(f) {
			l.spare = append(l.spare, f)
			if r != nil {
				l.warnings = append(l.warnings, Fault{File: r.name, Msg: fmt.Sprintf("not loaded: it replaces "+
					"the shipped %s, whose component is not configured. Configure the component, or rename the file", f.name)})
			}
			continue
		}
		if r != nil {
			f.replaced = true
			l.spare = append(l.spare, f)
			files[i] = r
		}
		l.files = append(l.files, files[i])
	}
	l.files = append(l.files, own...)
	slices.SortStableFunc(l.files, func(a, b *file) int { return cmp.Compare(a.place, b.place) })
	rules := 0
	for _, f := range l.files {
		for _, g := range f.groups {
			rules += len(g.items)
		}
		if rules > maxRules {
			l.faults = append(l.faults, Fault{
				File: f.name,
				Msg:  fmt.Sprintf("more than %d rules in total: load fewer rules", maxRules),
			})
			break
		}
	}
	return nil
}

// readShipped parses the shipped files: components by name, then the optional ones, then the rest.
func (l *loader) readShipped(shipped fs.FS) ([]*file, error) {
	var files []*file
	for _, pattern := range []string{"*" + suffix, "optional/*" + suffix} {
		names, err := fs.Glob(shipped, pattern)
		if err != nil {
			return nil, fmt.Errorf("list shipped rules: %w", err)
		}
		for _, name := range names {
			body, err := fs.ReadFile(shipped, name)
			if err != nil {
				return nil, fmt.Errorf("read shipped rules %s: %w", name, err)
			}
			f := &file{name: path.Base(name), stem: stemOf(name), shipped: true, optional: strings.HasPrefix(name, "optional/")}
			f.place, _ = placeOf(f.stem)
			f.parse(body, l.parser)
			files = append(files, f)
		}
	}
	return files, nil
}

// readOwnFiles parses the own files and splits off, by stem, those that replace a shipped one.
func (l *loader) readOwnFiles(shipped []*file) (own []*file, replaced map[string]*file) {
	replaced = map[string]*file{}
	seen := map[string]bool{}
	for _, name := range l.options.Own {
		f := &file{name: name, stem: stemOf(name), place: placeOwn}
		if seen[filepath.Clean(name)] {
			l.faults = append(l.faults, Fault{File: name, Msg: "listed twice: remove one entry from rule_files"})
			continue
		}
		seen[filepath.Clean(name)] = true
		i := slices.IndexFunc(shipped, func(s *file) bool { return s.name == filepath.Base(name) })
		if i >= 0 {
			f.place, f.optional = shipped[i].place, shipped[i].optional
		}
		if body, err := readOwn(name); err != nil {
			f.broken = true
			f.faults = []Fault{{File: name, Msg: err.Error()}}
		} else {
			f.parse(body, l.parser)
		}
		if i < 0 {
			own = append(own, f)
			continue
		}
		if other := replaced[f.stem]; other != nil {
			l.faults = append(l.faults, Fault{
				File: name,
				Msg:  fmt.Sprintf("replaces the shipped %s, as does %s: keep one of the two files", shipped[i].name, other.name),
			})
			continue
		}
		replaced[f.stem] = f
	}
	return own, replaced
}

// wants reports whether a shipped file is loaded: always if it needs no component, else with its component; an optional
// one when it is asked for by name, and the component its checks speak for is configured.
func (l *loader) wants(f *file) bool {
	if _, fixed := placeOf(f.stem); fixed && !f.optional {
		return true
	}
	if !f.optional {
		return slices.Contains(l.options.Components, f.stem)
	}
	return slices.Contains(l.options.Enabled, f.stem) && !slices.Contains(l.options.Disabled, f.stem) &&
		l.concernsUs(f)
}

// concernsUs reports whether a file declares no check, or one of a configured component.
func (l *loader) concernsUs(f *file) bool {
	declared := l.declarations(f)
	return len(declared) == 0 || slices.ContainsFunc(declared, func(d *declaration) bool {
		return slices.Contains(l.options.Components, d.Component)
	})
}
