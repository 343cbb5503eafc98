// Dashboards writes the Grafana dashboards of this directory. What they show is declared in fleet.go, node.go, p2p.go and
// rules.go; every metric they name must be one that the exporter exposes or that the rules under alerts/ record.
//
//	go run ./dashboards            writes dashboards/*.json
//	go run ./dashboards -queries   lists every query with its variables filled in, as lines of JSON
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "dashboards:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("dashboards", flag.ContinueOnError)
	list := flags.Bool("queries", false, "list the queries as lines of JSON instead of writing dashboards")
	var fill values
	fill.flags(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	names, err := readCatalog(root)
	if err != nil {
		return err
	}
	if *list {
		return listQueries(out, names, fill)
	}
	for _, d := range dashboards(names) {
		b, err := render(d, names)
		if err != nil {
			return err
		}
		file := filepath.Join(root, "dashboards", d.uid+".json")
		if err := os.WriteFile(file, b, 0o644); err != nil { //nolint:gosec // for everyone to read
			return err
		}
	}
	return nil
}

// dashboards are all there are; the name of each file is its uid.
func dashboards(names *catalog) []dashboard {
	return []dashboard{fleet(names), node(), p2p(), rules()}
}

// render returns the file of a dashboard.
func render(d dashboard, names *catalog) ([]byte, error) {
	if err := names.check(d); err != nil {
		return nil, fmt.Errorf("%s: %w", d.uid, err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(drawDashboard(d, names)); err != nil {
		return nil, fmt.Errorf("encode %s: %w", d.uid, err)
	}
	return b.Bytes(), nil
}

// moduleRoot is the directory of go.mod, at or above the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod at or above the working directory: run it inside the tree")
		}
		dir = parent
	}
}
