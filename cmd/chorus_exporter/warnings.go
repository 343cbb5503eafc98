package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"chorus/probes/p2p"
)

// finding is what can be said about a plan that has no fault. A warning is valid and hardly meant, or keeps a check from
// ever passing; a note may well be meant.
type finding struct {
	about string // Configuration or Rule
	text  string // one line: place, what is wrong, how to fix it
}

// findings returns the warnings and the notes about a plan without faults.
func (p *plan) findings() (warnings, notes []finding) {
	for _, w := range p.config.warnings() {
		warnings = append(warnings, finding{"Configuration", w})
	}
	about := map[string]bool{} // files that a warning speaks of
	for _, w := range p.rules.Warnings() {
		warnings = append(warnings, finding{"Rule", w.Error()})
		file, _, _ := strings.Cut(w.Error(), ": ")
		about[file] = true
	}
	for _, file := range p.emptyFiles() {
		if !about[file] {
			warnings = append(warnings, finding{"Rule", file + ": contains no rules; add some, or remove the file from rule_files"})
		}
	}
	for _, w := range p.unexposed() {
		warnings = append(warnings, finding{"Rule", w})
	}
	for _, n := range p.idle() {
		notes = append(notes, finding{"Rule", n})
	}
	for _, file := range p.concluding() {
		notes = append(notes, finding{"Rule", fmt.Sprintf("%s: takes the place of the shipped %s, so it decides the verdict; "+
			"choose another name if it should stand beside it", file, filepath.Base(file))})
	}
	return warnings, notes
}

// concluding returns the custom rule files that stand in for shipped ones from which the verdict is concluded.
func (p *plan) concluding() (out []string) {
	for _, g := range p.rules.Groups() {
		if g.Concludes && g.Rules[0].Own && !slices.Contains(out, g.File) {
			out = append(out, g.File)
		}
	}
	return out
}

// emptyFiles returns the custom rule files of which nothing was loaded, nor would be if a check were enabled. A file that
// was cut off, or is about to be written, must not pass for one that has nothing to say.
func (p *plan) emptyFiles() (out []string) {
	used := map[string]bool{}
	for _, g := range p.rules.Groups() {
		used[g.File] = true
	}
	for _, c := range p.rules.Disabled() {
		used[c.File] = true
	}
	for _, file := range p.config.RuleFiles {
		if !used[file] {
			out = append(out, file)
		}
	}
	return out
}

// warnings returns the warnings about the configuration alone.
func (c *loaded) warnings() []string {
	var doubts problems
	doubts.file, doubts.list = c.file, slices.Clone(c.warned)
	c.doubtDisks(&doubts)
	if c.joins() {
		c.doubtWait(&doubts)
		c.doubtUnguarded(&doubts)
	}
	if err := doubts.err(); err != nil {
		return strings.Split(err.Error(), "\n")
	}
	return nil
}

// doubtWait finds runs of the pubsub probe that end before a new connection is old enough to publish on.
func (c *loaded) doubtWait(doubts *problems) {
	const effect = "so runs fail as warming_up after every reconnect"
	least := p2p.GossipWarmUp
	if wait := time.Duration(c.P2P.Pubsub.Wait); wait < least {
		const field = "p2p.pubsub.wait"
		doubts.add(c.line(field), field, "%v is shorter than the %v that the mesh takes to form, %s; write %v or more",
			c.P2P.Pubsub.Wait, least, effect, least)
		return
	}
	for _, name := range []string{"pubsub-enhanced", "pubsub-active"} {
		check := c.effective(name)
		if timeout := check.timeout(); check.enabled() && timeout-time.Second < least {
			field := "checks." + name + ".timeout"
			doubts.add(c.line(field), field, "%v less a second is shorter than the %v that the mesh takes to form, %s; "+
				"write %v or more", *check.Timeout, least, effect, least+time.Second)
		}
	}
}
