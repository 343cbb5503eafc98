package main

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
)

// The pages of docs/rules-reference.md are made of these.
type (
	rulesDoc struct {
		Checks  []checkAlerts
		Shipped []fileDoc // evaluated by the exporter
		Server  []fileDoc // for a Prometheus server
	}
	checkAlerts struct{ Check, Alerts string }
	fileDoc     struct {
		Path, Name, Intro string
		Groups            []groupDoc
	}
	groupDoc struct {
		Name, Interval string
		Rules          []ruleDoc
	}
	ruleDoc struct {
		rulefmt.Rule
		Tags    []string // label="value"
		Reads   []string // metrics
		Runbook string   // path from docs/, "" if there is none
		Text    map[string]string
	}
)

// Every shipped rule stands in the reference.
func TestReferenceOfRules(t *testing.T) {
	data := rulesDoc{
		Shipped: fileDocs(t, "rules/*.rules.yml", "rules/optional/*.rules.yml"),
		Server:  fileDocs(t, "alerts/*.rules.yml"),
	}
	if len(data.Shipped) == 0 {
		t.Fatal("no shipped rules")
	}
	data.Checks = alertsByCheck(data.Shipped)
	reference(t, "rules-reference.md", data)
}

func fileDocs(t *testing.T, patterns ...string) (out []fileDoc) {
	t.Helper()
	for _, f := range ruleFiles(t, patterns...) {
		file := fileDoc{Path: f.Path, Name: path.Base(f.Path), Intro: f.Intro}
		for _, g := range f.Groups {
			group := groupDoc{Name: g.Name}
			if g.Interval != 0 {
				group.Interval = g.Interval.String()
			}
			for _, r := range g.Rules {
				tags := maps.Clone(g.Labels)
				if tags == nil {
					tags = map[string]string{}
				}
				maps.Copy(tags, r.Labels)
				r.Labels = tags
				group.Rules = append(group.Rules, describeRule(t, f.Path, r))
			}
			file.Groups = append(file.Groups, group)
		}
		out = append(out, file)
	}
	return out
}

func describeRule(t *testing.T, file string, r rulefmt.Rule) ruleDoc {
	t.Helper()
	r.Expr = strings.TrimSpace(r.Expr)
	d := ruleDoc{Rule: r, Reads: selected(t, r.Expr), Text: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		d.Tags = append(d.Tags, name+`="`+severityOf(r.Labels[name])+`"`)
	}
	for name, text := range r.Annotations {
		d.Text[name] = strings.Join(strings.Fields(text), " ")
	}
	if r.Alert == "" {
		return d
	}
	d.Runbook = path.Join("runbooks", path.Base(r.Annotations["runbook_url"])+".md")
	page := filepath.Join("..", "..", "docs", filepath.FromSlash(d.Runbook))
	if _, err := os.Stat(page); err != nil || path.Base(d.Runbook) != r.Alert+".md" {
		t.Errorf("%s: the runbook_url of %s is %q; it must end in the alert's name, and docs/runbooks must have its page (%v)",
			file, r.Alert, r.Annotations["runbook_url"], err)
	}
	return d
}

// severityOf shows the value of a label. The one template that shipped rules use takes over the severity of the check.
func severityOf(value string) string {
	if strings.Contains(value, "$labels.critical") {
		return "critical or warning, as the check"
	}
	return value
}

// alertsByCheck are the alerts that can fire for each check, with their severities.
func alertsByCheck(files []fileDoc) (out []checkAlerts) {
	const every = "every check"
	alerts := map[string][]string{}
	for _, f := range files {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				check := r.Labels["check_name"]
				switch {
				case r.Alert == "":
					continue
				case check == "" && strings.Contains(f.Path, "database"):
					check = "every database"
				case check == "" || strings.Contains(check, "{{"):
					check = every
				default:
					check = "`" + check + "`"
				}
				alerts[check] = append(alerts[check], "["+r.Alert+"]("+r.Runbook+") ("+severityOf(r.Labels["severity"])+")")
			}
		}
	}
	for _, check := range slices.Sorted(maps.Keys(alerts)) {
		out = append(out, checkAlerts{check, strings.Join(alerts[check], ", ")})
	}
	return out
}

// Lasts says for how long the condition must hold, and for how long the alert goes on after it.
func (r ruleDoc) Lasts() string {
	text := "at once"
	if r.For != 0 {
		text = "after " + r.For.String()
	}
	if r.KeepFiringFor != model.Duration(0) {
		text += ", and for " + r.KeepFiringFor.String() + " more when it is over"
	}
	return text
}
