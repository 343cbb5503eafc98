package web

import (
	"iter"
	"time"

	"chorus/evaluator"
	"chorus/probes"
	"chorus/rules"
)

// Verdicts is what a Handler asks an *evaluator.Evaluator for.
type Verdicts interface {
	Snapshot() *evaluator.Snapshot                    // the newest verdict, never nil
	Rules() *rules.Set                                // the rule set in force: lists the rule checks switched off
	Results(check string) iter.Seq[evaluator.Outcome] // of a rule check, newest first
	Actions() []evaluator.ActionEvent                 // what became of actions that rules asked for, newest first
}

// Probes is what a Handler asks a *probes.Runner for.
type Probes interface {
	Checks() []probes.Spec                                               // disabled ones too
	Results(name string) iter.Seq[probes.Outcome]                        // newest first
	Last(name string, notAfter time.Time) (last probes.Outcome, ok bool) // newest outcome finished by notAfter
}

// noProbes stands in where no Runner is given.
type noProbes struct{}

func (noProbes) Checks() []probes.Spec                              { return nil }
func (noProbes) Results(string) iter.Seq[probes.Outcome]            { return func(func(probes.Outcome) bool) {} }
func (noProbes) Last(string, time.Time) (o probes.Outcome, ok bool) { return o, false }
