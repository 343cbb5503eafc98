package main

import (
	"encoding/json"
	"flag"
	"io"
	"strings"
)

// values are what the variables are filled in with.
type values struct{ cluster, instance, check, rateInterval, interval, span string }

func (v *values) flags(f *flag.FlagSet) {
	f.StringVar(&v.cluster, "cluster", ".*", "with -queries: value of $cluster")
	f.StringVar(&v.instance, "instance", ".*", "with -queries: value of $instance; the dashboard of a node compares it with =")
	f.StringVar(&v.check, "check", ".*", "with -queries: value of $check_name")
	f.StringVar(&v.rateInterval, "rate-interval", "5m", "with -queries: value of $__rate_interval")
	f.StringVar(&v.interval, "interval", "15s", "with -queries: value of $__interval")
	f.StringVar(&v.span, "range", "1h", "with -queries: value of $__range")
}

// fill puts values in the place of the variables. The longer names first: one is the beginning of another.
func (v *values) fill(expr string) string {
	return strings.NewReplacer(
		"$__rate_interval", v.rateInterval, "$__interval", v.interval, "$__range", v.span,
		"$cluster", v.cluster, "$instance", v.instance, "$check_name", v.check,
	).Replace(expr)
}

// listed is a line of the list of queries.
type listed struct {
	Dashboard string `json:"dashboard"`
	Panel     string `json:"panel"` // its title, or the name of the variable or the annotation
	Kind      string `json:"kind"`  // panel, annotation or variable
	Ref       string `json:"ref,omitempty"`
	Expr      string `json:"expr"`
	Label     string `json:"label,omitempty"` // of a variable: the label that has its values
	Instant   bool   `json:"instant"`
	Needs     []need `json:"needs,omitempty"`
}

// listQueries writes every query as one line of JSON, for whoever runs them on a server.
func listQueries(out io.Writer, names *catalog, fill values) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for _, d := range dashboards(names) {
		if err := names.check(d); err != nil {
			return err
		}
		for _, q := range queriesOf(d) {
			q.Expr = fill.fill(q.Expr)
			if err := e.Encode(q); err != nil {
				return err
			}
		}
	}
	return nil
}

// queriesOf are all queries of a dashboard, with their variables.
func queriesOf(d dashboard) []listed {
	var list []listed
	for _, v := range d.variables {
		if v.from != "" {
			list = append(list, listed{
				Panel: v.name, Kind: "variable", Expr: expand(d, v.from), Label: v.name, Instant: true, Needs: v.needs,
			})
		}
	}
	for _, n := range d.notes {
		list = append(list, listed{Panel: n.title, Kind: "annotation", Ref: "Anno", Expr: expand(d, n.expr), Needs: n.needs})
	}
	for _, r := range d.rows {
		for _, p := range r.panels {
			for i, q := range p.queries {
				list = append(list, listed{
					Panel: p.title, Kind: "panel", Ref: refID(i), Expr: expand(d, q.expr), Instant: p.kind.instant(), Needs: q.needs,
				})
			}
		}
	}
	for i := range list {
		list[i].Dashboard = d.uid
	}
	return list
}
