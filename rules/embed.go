package rules

import (
	"embed"
	"io/fs"

	"go.yaml.in/yaml/v3"
)

// embedded are the shipped rule files, the default configuration and the table of names.
//
//go:embed *.rules.yml optional/*.rules.yml defaults.yml names.yml
var embedded embed.FS

// Files are the shipped files as they were embedded: COMPONENT.rules.yml, the rules that need no component,
// optional/NAME.rules.yml, defaults.yml and names.yml.
func Files() fs.FS { return embedded }

// Defaults is the default configuration, YAML, which a configuration file is laid over. The caller owns the bytes.
func Defaults() []byte { return mustRead("defaults.yml") }

// Name describes a metric of ours.
type Name struct {
	Name   string `yaml:"name"`
	Type   string `yaml:"type"`   // counter, gauge or histogram
	Unit   string `yaml:"unit"`   // base unit; empty where there is none
	Source string `yaml:"source"` // who writes it: measured, recorded or both
	Help   string `yaml:"help"`
	// Labels are those of every series of what is measured; nil where they are not known or differ.
	Labels []string `yaml:"labels"`
	// Max is the largest value that is meant; nil where there is none.
	Max *float64 `yaml:"max"`
}

// Who writes a metric, as names.yml says it.
const (
	SourceMeasured = "measured" // Go code
	SourceRecorded = "recorded" // rules; exposed as a gauge
	SourceBoth     = "both"     // Go code for probes, rules for rule checks
)

// Names is the table of every metric of ours, in the order of names.yml. The caller owns the slice.
func Names() []Name {
	var table struct {
		Names []Name `yaml:"names"`
	}
	mustUnmarshal("names.yml", &table)
	return table.Names
}

// mustRead reads an embedded file. That it is there is decided when the program is built.
func mustRead(name string) []byte {
	body, err := embedded.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return body
}

// mustUnmarshal parses an embedded file. That it parses is a fact of the build, which a test states.
func mustUnmarshal(name string, into any) {
	if err := yaml.Unmarshal(mustRead(name), into); err != nil {
		panic("embedded " + name + ": " + err.Error())
	}
}
