package collectors

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// readLimit reads a limit and gives its text to parse. A group without the file has no limit: the topmost group never
// has one, nor has a group for which the controller is not switched on.
func (t tree) readLimit(group, file string, parse func(string) (float64, error)) (float64, error) {
	limit, err := t.read(group, file, parse)
	if errors.Is(err, fs.ErrNotExist) {
		return math.Inf(1), nil
	}
	return limit, err
}

// read reads a file of a group and gives its text to parse.
func (t tree) read(group, file string, parse func(string) (float64, error)) (float64, error) {
	name := filepath.Join(t.dir, group, file)
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, err // names the file
	}
	value, err := parse(string(data))
	if err != nil {
		return 0, fmt.Errorf("parse %s: %w", name, err)
	}
	return value, nil
}

// parseNumber parses the files that hold one number.
func parseNumber(text string) (float64, error) {
	text = strings.TrimSpace(text)
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number", text)
	}
	return float64(n), nil
}

// parseMax parses a limit in bytes, +Inf for "max" (version 2) and "-1" (as some runtimes write none in version 1).
func parseMax(text string) (float64, error) {
	if text = strings.TrimSpace(text); text == "max" || text == "-1" {
		return math.Inf(1), nil
	}
	return parseNumber(text)
}

// parseBandwidth parses a quota and a period in microseconds into CPUs, +Inf for "max" (version 2) and "-1"
// (version 1): cpu.max, or cpu.cfs_quota_us and cpu.cfs_period_us put together.
func parseBandwidth(text string) (float64, error) {
	words := strings.Fields(text)
	if len(words) != 2 {
		return 0, fmt.Errorf("%q is not a quota and a period", text)
	}
	if words[0] == "max" || words[0] == "-1" {
		return math.Inf(1), nil
	}
	quota, err := parseNumber(words[0])
	if err != nil {
		return 0, err
	}
	period, err := parseNumber(words[1])
	if err != nil {
		return 0, err
	}
	if quota == 0 || period == 0 {
		return 0, fmt.Errorf("%q has a zero where there can be none", text)
	}
	return quota / period, nil
}

// parseKey returns a parser for the value of one key in files of lines "key value", such as memory.stat.
func parseKey(key string) func(string) (float64, error) {
	return func(text string) (float64, error) {
		for line := range strings.Lines(text) {
			if name, value, ok := strings.Cut(line, " "); ok && name == key {
				return parseNumber(value)
			}
		}
		return 0, fmt.Errorf("there is no %s", key)
	}
}
