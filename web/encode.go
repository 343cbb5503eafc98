package web

import (
	"bytes"
	"encoding/json"
	"math"
	"time"
)

// instant is a time as the answers show it: RFC 3339 in UTC, with as many digits of the second as it needs. Unlike a
// time.Time it can always be encoded.
type instant time.Time

// MarshalJSON never returns an error.
func (t instant) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, len(time.RFC3339Nano)+2), '"')
	b = time.Time(t).UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"'), nil
}

// encode writes v as one line of JSON. It is for the types of this package alone, which hold nothing that can't be
// encoded: numbers are finite, and foreign values have passed through encodeForeign.
func encode(v any) []byte {
	b, err := marshal(v)
	if err != nil {
		panic("web: a value of our own can't be encoded: " + err.Error())
	}
	return b
}

// encodeForeign encodes a value that somebody else made.
func encodeForeign(v any) (raw json.RawMessage, ok bool) {
	b, err := marshal(v)
	if err != nil {
		return nil, false
	}
	return bytes.TrimSuffix(b, []byte("\n")), true
}

// marshal leaves <, > and & as they are: the answers are JSON, are sent as JSON, and are read by people too.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// finite is v for a field that is null or left out when v is not a number that JSON knows.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
