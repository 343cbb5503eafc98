package rulefile

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// durationKeys are the keys of a rule file that have a duration.
var durationKeys = []string{"interval", "query_offset", "for", "keep_firing_for"}

// lintDurations faults every duration of a file that is none. rulefmt stops at the first and does not say where it
// stands; what it says of it is taken out of faults.
func lintDurations(root *yaml.Node, faults []Fault) []Fault {
	walk(root, func(key string, value *yaml.Node) {
		if !slices.Contains(durationKeys, key) ||
			value.Kind != yaml.ScalarNode || value.Tag == "!!null" {
			return
		}
		if _, err := model.ParseDuration(value.Value); err != nil {
			faults = slices.DeleteFunc(faults, func(f Fault) bool { return f.Line == 0 && f.Msg == err.Error() })
			faults = append(faults, Fault{
				Position{value.Line, value.Column},
				fmt.Sprintf("%s: invalid duration %q: use a number with a unit, such as 30s or 5m", key, value.Value),
			})
		}
	})
	return faults
}

// walk calls f for the entries of every mapping but labels and annotations. Aliases are not followed: what they stand for
// is walked where it is written.
func walk(n *yaml.Node, f func(key string, value *yaml.Node)) {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode {
			if i%2 == 0 {
				continue
			}
			f(n.Content[i-1].Value, child)
			if key := n.Content[i-1].Value; key == "labels" || key == "annotations" {
				continue // whose names are the operator's
			}
		}
		walk(child, f)
	}
}

// withDurations returns body with every invalid duration replaced by a valid one, so that rulefmt, which stops at the
// first, finds the other faults of the file too. No line moves.
func withDurations(body []byte, root *yaml.Node) []byte {
	lines := bytes.SplitAfter(slices.Clone(body), []byte("\n"))
	var bad []*yaml.Node
	walk(root, func(key string, value *yaml.Node) {
		if _, err := model.ParseDuration(value.Value); err != nil && slices.Contains(durationKeys, key) {
			bad = append(bad, value)
		}
	})
	for _, value := range slices.Backward(bad) { // from the end: a replacement moves what follows on its line
		if value.Line < 1 || value.Line > len(lines) || value.Value == "" {
			continue
		}
		line, col := lines[value.Line-1], value.Column-1
		if at := bytes.Index(line[min(col, len(line)):], []byte(value.Value)); at >= 0 {
			lines[value.Line-1] = slices.Replace(line, col+at, col+at+len(value.Value), []byte("1m")...)
		}
	}
	return bytes.Join(lines, nil)
}
