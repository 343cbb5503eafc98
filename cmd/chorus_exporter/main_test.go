package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the exporter, built once for all tests.
var binary string

var other = flag.String("exporter", "", "test this binary of the exporter in place of the one that is built")

// TestMain is also the program of a node: a swarm with processes runs the test binary.
func TestMain(m *testing.M) {
	if isNode(os.Args[1:]) {
		os.Exit(runNode())
	}
	flag.Parse()
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	if *other != "" {
		binary = *other
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "chorus_exporter")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, program)
	var out bytes.Buffer
	build := exec.Command("go", "build", "-buildvcs=false", "-o", binary, ".")
	build.Stdout, build.Stderr = &out, &out
	if err := build.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "build %s: %v\n%s", program, err, out.String())
		return 1
	}
	return m.Run()
}
