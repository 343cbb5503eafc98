package rulefile

import (
	"fmt"
	"regexp"
	"strings"
)

// wording is how we say what rulefmt or the YAML decoder says: with the field first, and with the fix.
type wording struct {
	theirs *regexp.Regexp
	ours   string
}

var wordings = []wording{
	{
		regexp.MustCompile(`^could not parse expression: (\d+):(\d+): (?:parse error: )?((?s:.*))$`),
		"expr: line $1, column $2 of the expression: $3; fix it there",
	},
	{regexp.MustCompile(`^could not parse expression: ((?s:.*))$`), "expr: $1; fix the expression"},
	{regexp.MustCompile(`^field 'expr' must be set in rule$`), "expr: missing; add the expression"},
	{regexp.MustCompile(`^one of 'record' or 'alert' must be set$`), "record, alert: both are missing; set one of them"},
	{regexp.MustCompile(`^only one of 'record' and 'alert' must be set$`), "record, alert: both are set; remove one of them"},
	{regexp.MustCompile(`^invalid field '(\w+)' in recording rule$`), "$1: only an alert may have it; remove it"},
	{regexp.MustCompile(`^invalid recording rule name: ((?s:.*))$`), `record: invalid name "$1"; use letters, digits, "_" and ":"`},
	{
		regexp.MustCompile(`^braces present in the recording rule name; should it be in expr\?: ((?s:.*))$`),
		`record: invalid name "$1"; use letters, digits, "_" and ":", a selector belongs in expr`,
	},
	{regexp.MustCompile(`^invalid label name: (__name__)$`), "labels: $1 is the name of the rule; remove it"},
	{regexp.MustCompile(`^invalid (label|annotation) name: ((?s:.*))$`), `$1: invalid name "$2"; use letters, digits and "_"`},
	{regexp.MustCompile(`^invalid label value: ((?s:.*))$`), `labels: invalid value "$1"; use UTF-8`},
	{regexp.MustCompile(`^Groupname must not be empty$`), "a group has no name; add name: NAME"},
	{regexp.MustCompile(`^groupname: "((?s:.*))" is repeated in the same file$`), `duplicate group "$1": rename one of the two`},
	unmarshal(`\[\]rulefmt\.RuleGroup`, `groups: must be a list of groups, such as "- name: NAME"`),
	unmarshal(`\[\]rulefmt\.Rule`, `rules: must be a list of rules, such as "- alert: NAME"`),
	unmarshal(`rulefmt\.RuleGroups`, `not a rule file; it begins with "groups:"`),
	unmarshal(`rulefmt\.\w+`, `must be a mapping, one "key: value" per line`),
	unmarshal(`map\[string\]string`, `labels and annotations must be mappings, one "name: text" per line`),
	unmarshal(`string`, "must be a text; put quotes around it"),
	unmarshal(`int`, "must be a whole number"),
	{regexp.MustCompile(`^(mapping key ".*" already defined at line \d+)$`), "$1: remove one of the two"},
}

// unmarshal is the wording of what the YAML decoder says of a value that is not of a type.
func unmarshal(kind, ours string) wording {
	return wording{regexp.MustCompile("^cannot unmarshal !!\\w+(?: `(?s:.*)`)? into " + kind + "$"), ours}
}

// reword says it in our words: what rulefmt says of a rule comes with the rule in front.
func reword(text string) string {
	rule := ""
	if m := regexp.MustCompile(`(?s)^group "(.*?)", rule (\d+), "(.*?)": (.*)$`).FindStringSubmatch(text); m != nil {
		rule, text = fmt.Sprintf("rule %s of group %q", m[2], m[1]), m[4]
		if m[3] != "" {
			rule += fmt.Sprintf(" (%s)", m[3])
		}
		rule += ": "
	}
	for _, w := range wordings {
		if m := w.theirs.FindStringSubmatchIndex(text); m != nil {
			return rule + string(w.theirs.ExpandString(nil, w.ours, text, m))
		}
	}
	return rule + text
}

// rewordSyntax is what the YAML parser says, with the fix.
func rewordSyntax(text string) string {
	for _, theirs := range []string{
		"did not find expected", "could not find expected", "mapping values are not allowed", "found character that cannot start",
		"found unexpected", "block sequence entries are not allowed", "found a tab", "unknown anchor",
	} {
		if strings.HasPrefix(text, theirs) {
			return "invalid YAML: " + text + "; check colons, quotes and indentation (no tabs) on this line and above"
		}
	}
	return reword(text)
}
