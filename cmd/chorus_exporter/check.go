package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-kit/log"
	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// checkConfig is --config.check: it prints every error, warning and note to stderr, and returns the exit code.
func checkConfig(f *flags, stdout, stderr io.Writer) int {
	p, err := f.judge(nil, log.NewNopLogger())
	if err == nil {
		err = p.closeUnless(nil) // the databases are connected to nothing
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitError
	}
	for _, w := range p.warnings {
		fmt.Fprintf(stderr, "warning: %s\n", w.text)
	}
	for _, n := range p.notes {
		fmt.Fprintf(stderr, "note: %s\n", n.text)
	}
	fmt.Fprintf(stdout, "OK: %s\n", p.summary())
	return exitOK
}

// judge loads and checks all files that the flags name. Start, reload and --config.check accept what it accepts. The
// error joins every fault, and with --config.strict every warning.
func (f *flags) judge(live *plan, logger log.Logger) (*plan, error) {
	p, err := prepare(f.configFile, live, logger)
	if webErr := toolkit.Validate(*f.web.WebConfigFile); webErr != nil {
		err = errors.Join(err, fmt.Errorf("check --web.config.file %s: %w", *f.web.WebConfigFile, webErr))
	}
	if p == nil {
		return nil, err
	}
	if f.configStrict {
		for _, w := range p.warnings {
			err = errors.Join(err, fmt.Errorf("%s [--config.strict]", w.text))
		}
	}
	if err != nil {
		return nil, errors.Join(err, p.closeUnless(live))
	}
	return p, nil
}
