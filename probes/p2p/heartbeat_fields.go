package p2p

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// MaxHeartbeatBytes bounds a heartbeat; a longer one is refused unread.
const MaxHeartbeatBytes = 1 << 10

// maxTerm is the highest term that JSON and metrics hold exactly.
const maxTerm = 1 << 53

// NotSent as the name of a field says that heartbeats lack it.
const NotSent = "-"

// HeartbeatFields says how to read a heartbeat, a JSON object: the names of its fields, with dots where one lies within
// another object, as in "data.term". Fields that are not named here may be there and are skipped; one that is named must
// be there, once and of its type. The zero value reads
//
//	{"node_id":"12D3KooW…","term":4,"uptime":86400000000000,"timestamp":"2025-09-30T10:30:05Z"}
type HeartbeatFields struct {
	NodeID    string // text: the author's peer id, or its configured name; default node_id, or NotSent
	Term      string // whole number up to 2^53; default term, or NotSent
	Uptime    string // text such as "24h0m0s", or a number of UptimeUnit; default uptime, or NotSent
	Timestamp string // text by RFC 3339, or a number of TimestampUnit since 1970; default timestamp
	// UptimeUnit is what a number counts: a nanosecond, microsecond, millisecond or second; default a nanosecond, which
	// is how Go writes a duration.
	UptimeUnit time.Duration
	// TimestampUnit likewise; default a second. Of heartbeats sent within the same unit only the first counts.
	TimestampUnit time.Duration
}

// statement is what a heartbeat says.
type statement struct {
	node   string
	term   uint64
	uptime time.Duration
	sent   time.Time
}

// complete fills in defaults and checks the rest.
func (f *HeartbeatFields) complete() error {
	f.NodeID, f.Term = cmp.Or(f.NodeID, "node_id"), cmp.Or(f.Term, "term")
	f.Uptime, f.Timestamp = cmp.Or(f.Uptime, "uptime"), cmp.Or(f.Timestamp, "timestamp")
	f.UptimeUnit, f.TimestampUnit = cmp.Or(f.UptimeUnit, time.Nanosecond), cmp.Or(f.TimestampUnit, time.Second)
	var errs []error
	if f.Timestamp == NotSent {
		errs = append(errs, errors.New("heartbeats without a timestamp can't be told from old ones: name its field"))
	}
	paths := f.paths()
	for i, a := range paths {
		for _, b := range paths[i+1:] {
			if a != NotSent && (a == b || strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+".")) {
				errs = append(errs, fmt.Errorf("fields %q and %q can't both be in a heartbeat: give each its own", a, b))
			}
		}
	}
	for _, unit := range []time.Duration{f.UptimeUnit, f.TimestampUnit} {
		switch unit {
		case time.Nanosecond, time.Microsecond, time.Millisecond, time.Second:
		default:
			errs = append(errs, fmt.Errorf("unit %s: give 1ns, 1us, 1ms or 1s", unit))
		}
	}
	return errors.Join(errs...)
}

func (f *HeartbeatFields) paths() [4]string {
	return [...]string{f.NodeID, f.Term, f.Uptime, f.Timestamp}
}

// parse reads a heartbeat. The fields must be complete.
func (f *HeartbeatFields) parse(data []byte) (s statement, err error) {
	if len(data) > MaxHeartbeatBytes {
		return s, fmt.Errorf("longer than %d bytes", MaxHeartbeatBytes)
	}
	found := make(map[string]json.RawMessage, 4)
	if err := f.collect("", data, found); err != nil {
		return s, err
	}
	for _, field := range []struct {
		path string
		read func(json.RawMessage) error
	}{
		{f.NodeID, func(raw json.RawMessage) (err error) { s.node, err = readText(raw); return err }},
		{f.Term, func(raw json.RawMessage) (err error) { s.term, err = readTerm(raw); return err }},
		{f.Uptime, func(raw json.RawMessage) (err error) { s.uptime, err = readUptime(raw, f.UptimeUnit); return err }},
		{f.Timestamp, func(raw json.RawMessage) (err error) { s.sent, err = readTime(raw, f.TimestampUnit); return err }},
	} {
		if field.path == NotSent {
			continue
		}
		raw, ok := found[field.path]
		if !ok {
			return statement{}, fmt.Errorf("lacks the field %s", field.path)
		}
		if err := field.read(raw); err != nil {
			return statement{}, fmt.Errorf("field %s: %w", field.path, err)
		}
	}
	return s, nil
}

// collect finds the values of the named fields in an object, which lies at prefix within the heartbeat.
func (f *HeartbeatFields) collect(prefix string, object []byte, found map[string]json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	seen := make(map[string]bool)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return fmt.Errorf("read a field: %w", err)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return fmt.Errorf("read a field: %w", err)
		}
		name := key.(string) // the decoder has checked that keys are text
		path := prefix + name
		if strings.Contains(name, ".") || name == NotSent || !f.leadsTo(path) {
			continue
		}
		if seen[name] {
			return fmt.Errorf("has the field %s twice", path)
		}
		seen[name] = true
		if f.names(path) {
			found[path] = raw
		} else if err := f.collect(path+".", raw, found); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("read the end: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("has more after the object")
	}
	return nil
}

// names says whether the path is that of a named field.
func (f *HeartbeatFields) names(path string) bool {
	return path == f.NodeID || path == f.Term || path == f.Uptime || path == f.Timestamp
}

// leadsTo says whether a named field lies at the path or below.
func (f *HeartbeatFields) leadsTo(path string) bool {
	for _, p := range f.paths() {
		if p == path || len(p) > len(path) && p[len(path)] == '.' && strings.HasPrefix(p, path) {
			return true
		}
	}
	return false
}

var errNotText = errors.New("is not a text")

func readText(raw json.RawMessage) (s string, err error) {
	if raw[0] != '"' {
		return "", errNotText
	}
	err = json.Unmarshal(raw, &s)
	return s, err
}

func readTerm(raw json.RawMessage) (uint64, error) {
	term, err := strconv.ParseUint(string(raw), 10, 64)
	if err != nil || term > maxTerm {
		return 0, errors.New("is not a whole number from 0 to 2^53")
	}
	return term, nil
}

func readUptime(raw json.RawMessage, unit time.Duration) (time.Duration, error) {
	text, err := readText(raw)
	var d time.Duration
	if err == nil {
		d, err = time.ParseDuration(text)
	} else {
		var n nanoseconds
		n, err = readNumber(raw, unit)
		d = time.Duration(n)
	}
	if err != nil || d < 0 {
		return 0, errors.New("not a duration such as \"90s\" and not a number of 0 or more")
	}
	return d, nil
}

func readTime(raw json.RawMessage, unit time.Duration) (time.Time, error) {
	text, err := readText(raw)
	var t time.Time
	if err == nil {
		t, err = time.Parse(time.RFC3339, text)
	} else {
		var n nanoseconds
		n, err = readNumber(raw, unit)
		t = time.Unix(0, int64(n))
	}
	t = t.UTC()
	// The years that nanoseconds of 64 bits reach, from the epoch on.
	if err != nil || t.Year() < 1970 || t.Year() >= 2262 {
		return time.Time{}, errors.New("is not a time such as \"2025-09-30T10:30:05Z\", nor a number since 1970")
	}
	return t, nil
}

type nanoseconds int64

// readNumber reads a number of units: exactly if it is whole, else as exactly as a float64 is.
func readNumber(raw json.RawMessage, unit time.Duration) (nanoseconds, error) {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil && n >= 0 && n <= math.MaxInt64/int64(unit) {
		return nanoseconds(n * int64(unit)), nil
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	v *= float64(unit)
	if err != nil || !(v >= 0 && v < math.MaxInt64) {
		return 0, errors.New("is not a number in range")
	}
	return nanoseconds(v), nil
}
