package probes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of what one Outcome may hold. A probe that says more is cut, so that the memory of a history has a bound:
// about 6 KiB an Outcome.
const (
	MaxTextBytes    = 1024 // of an error, of a message, of one value in Details
	MaxDetails      = 32   // entries of Details
	MaxDetailsBytes = 4096 // of all keys and values in Details, as JSON
)

// clip makes s valid UTF-8 of at most MaxTextBytes bytes.
func clip(s string) string {
	const mark = "…"
	if len(s) <= MaxTextBytes {
		return strings.ToValidUTF8(s, "?")
	}
	cut := MaxTextBytes - len(mark)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.ToValidUTF8(s[:cut], "?") + mark
}

// oneLine is an error text on one line, without the parts that repeat: drivers write a line for every attempt.
func oneLine(s string) string {
	if !strings.Contains(s, "\n") {
		return s
	}
	var parts []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(parts, line) {
			parts = append(parts, line)
		}
	}
	return strings.ReplaceAll(strings.Join(parts, "; "), ":; ", ": ")
}

// boundResult is res within the bounds, sharing no memory with it.
func boundResult(res Result) Result {
	return Result{Message: clip(res.Message), Details: boundDetails(res.Details)}
}

// boundDetails copies what fits, keys in order; "left_out" counts what did not.
func boundDetails(in map[string]any) map[string]any {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]any, min(len(in), MaxDetails))
	leftOut, room := 0, MaxDetailsBytes
	for _, key := range slices.Sorted(maps.Keys(in)) {
		value, size := boundValue(in[key])
		size += len(key)
		if len(out) == MaxDetails-1 && len(in) > MaxDetails || size > room {
			leftOut++
			continue
		}
		room -= size
		out[key] = value
	}
	if leftOut > 0 {
		out["left_out"] = leftOut
	}
	return out
}

// boundValue copies v into something that encoding/json can write, with its size in bytes. A number or a time stays
// what it is; a value with parts becomes what JSON makes of it, so that nobody can change it later.
func boundValue(v any) (any, int) {
	const scalar = 24 // the longest number
	switch x := v.(type) {
	case nil, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, time.Duration:
		return x, scalar
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) { // JSON has no such numbers: one would spoil the whole answer
			return strconv.FormatFloat(x, 'g', -1, 64), scalar
		}
		return x, scalar
	case string:
		s := clip(x)
		return s, len(s)
	}
	text, err := json.Marshal(v)
	if err == nil && len(text) > MaxTextBytes {
		err = fmt.Errorf("%d bytes are too many", len(text))
	}
	var copied any
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		err = dec.Decode(&copied)
	}
	if err != nil {
		s := clip("not shown: " + err.Error())
		return s, len(s)
	}
	return copied, len(text)
}
