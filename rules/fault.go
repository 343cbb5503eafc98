package rules

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Fault is one thing wrong with a rule file, said and how to fix it.
type Fault struct {
	File      string // base name for a shipped file, the path for an own one; empty: the options are at fault
	Line, Col int    // 1-based; 0 when unknown
	Msg       string
}

// Error says file:line:col: message, without what is unknown.
func (f Fault) Error() string {
	switch {
	case f.File == "":
		return f.Msg
	case f.Line == 0:
		return f.File + ": " + f.Msg
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Col, f.Msg)
}

// Faults are the faults that an error of Load joins, in its order; nil for any other error.
func Faults(err error) []Fault {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return nil
	}
	var faults []Fault
	for _, e := range joined.Unwrap() {
		if f, ok := errors.AsType[Fault](e); ok {
			faults = append(faults, f)
		}
	}
	return faults
}

// joined sorts faults by the evaluation order of their files, then by place, drops repetitions and makes them errors.
func joined(faults []Fault, rank map[string]int) []error {
	slices.SortFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(rank[a.File], rank[b.File]), cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Msg, b.Msg))
	})
	var errs []error
	for _, f := range slices.Compact(faults) {
		errs = append(errs, f)
	}
	return errs
}
