package rulefile

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v3"
)

// translate makes faults of what rulefmt reports about a file. rulefmt puts the position in front of the text, once,
// twice (both places of a contradiction) or not at all; then it is the rule's.
func translate(errs []error, at filePositions) []Fault {
	var faults []Fault
	for _, err := range errs {
		if types, ok := errors.AsType[*yaml.TypeError](err); ok {
			for _, text := range types.Errors {
				faults = append(faults, yamlFault(text))
			}
			continue
		}
		var rule *rulefmt.Error
		where, text := cutPosition(err.Error())
		switch {
		case where.Line > 0:
		case templateFault(text):
			continue // who reads the templates says so, with the place and the fix
		case errors.As(err, &rule):
			where = ruleAt(at, rule.Group, rule.Rule)
		default:
			if where = groupAt(at, text); where.Line == 0 {
				faults = append(faults, yamlFault(text))
				continue
			}
		}
		faults = append(faults, Fault{where, reword(text)})
	}
	return faults
}

// templateFault reports whether rulefmt complains of a template.
func templateFault(text string) bool {
	return regexp.MustCompile(`(?s)^group ".*", rule \d+, ".*": (label|annotation) ".*": template: `).MatchString(text)
}

// cutPosition takes line:column prefixes off and returns the first that is known.
func cutPosition(text string) (Position, string) {
	var where Position
	for {
		line, rest, ok := strings.Cut(text, ":")
		l, err := strconv.Atoi(line)
		if !ok || err != nil {
			return where, text
		}
		column, rest, ok := strings.Cut(rest, ": ")
		c, err := strconv.Atoi(column)
		if !ok || err != nil {
			return where, text
		}
		if where.Line == 0 {
			where = Position{l, c}
		}
		text = rest
	}
}

// ruleAt is where the n-th rule (from 1) of a group stands.
func ruleAt(at filePositions, group string, n int) Position {
	for _, g := range at.Groups {
		if g.Name.Value == group && n >= 1 && n <= len(g.Rules) {
			return g.Rules[n-1].name()
		}
	}
	return Position{}
}

// groupAt is where a group stands that rulefmt finds nameless or repeated, which it says without a place.
func groupAt(at filePositions, text string) Position {
	seen := map[string]bool{}
	for _, g := range at.Groups {
		name := g.Name.Value
		if name == "" && strings.HasPrefix(text, "Groupname must not be empty") ||
			seen[name] && text == fmt.Sprintf("groupname: \"%s\" is repeated in the same file", name) {
			return of(g.Name, g.at)
		}
		seen[name] = true
	}
	return Position{}
}

// yamlFault reads one complaint of the YAML decoder, such as "line 3: field foo not found in type rulefmt.Rule".
func yamlFault(text string) Fault {
	var where Position
	text = strings.TrimPrefix(text, "yaml: ")
	if m := regexp.MustCompile(`(?s)^line (\d+): (.*)$`).FindStringSubmatch(text); m != nil {
		where.Line, _ = strconv.Atoi(m[1])
		where.Col = 1
		text = m[2]
	}
	if m := regexp.MustCompile(`^field (.+) not found in type rulefmt\.(\w+)$`).FindStringSubmatch(text); m != nil {
		text = fmt.Sprintf("unknown field %q: %s", m[1], fieldsOf(m[2]))
	}
	// rulefmt decodes everything twice, the second time into types of like names.
	text = strings.NewReplacer("rulefmt.RuleNode", "rulefmt.Rule", "rulefmt.RuleGroupNode", "rulefmt.RuleGroup",
		"rulefmt.ruleGroup", "rulefmt.RuleGroup").Replace(text)
	return Fault{where, rewordSyntax(text)}
}

// fieldsOf says which fields a part of a rule file has.
func fieldsOf(kind string) string {
	switch kind {
	case "RuleGroups":
		return "a rule file has groups and nothing else"
	case "RuleGroup":
		return "a group has name, interval, labels and rules"
	}
	return "a rule has record or alert, expr, for, keep_firing_for, labels and annotations"
}
