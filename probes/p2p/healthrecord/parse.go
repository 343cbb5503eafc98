package healthrecord

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// parsed is a well-formed record whose signature nobody has looked at. Its slices are parts of the value.
type parsed struct {
	record            Record
	body              []byte // what is signed of the value
	public, signature []byte
}

var errShort = errors.New("record is too short")

// parse takes a value apart. There is exactly one value for every parsed.
func parse(value []byte) (parsed, error) {
	if len(value) > MaxSize {
		return parsed{}, fmt.Errorf("record has %d bytes, over %d", len(value), MaxSize)
	}
	if len(value) < 1+8+8+1 {
		return parsed{}, errShort
	}
	if value[0] != version {
		return parsed{}, fmt.Errorf("record has the unknown version %d", value[0])
	}
	var p parsed
	p.record.Sequence = binary.BigEndian.Uint64(value[1:])
	p.record.Time = time.Unix(0, int64(binary.BigEndian.Uint64(value[9:]))).UTC()
	if p.record.Sequence == 0 {
		return parsed{}, errors.New("record has no sequence")
	}
	n, rest := int(value[17]), value[18:]
	if n > MaxPayload {
		return parsed{}, fmt.Errorf("payload has %d bytes, over %d", n, MaxPayload)
	}
	if len(rest) < n {
		return parsed{}, errShort
	}
	p.record.Payload, rest = rest[:n:n], rest[n:]
	var err error
	if p.public, rest, err = cutBytes(rest); err != nil {
		return parsed{}, err
	}
	p.body = value[: len(value)-len(rest) : len(value)-len(rest)]
	if p.signature, rest, err = cutBytes(rest); err != nil {
		return parsed{}, err
	}
	if len(rest) > 0 {
		return parsed{}, fmt.Errorf("record has %d bytes behind its signature", len(rest))
	}
	return p, nil
}

// cutBytes splits off what stands behind its length.
func cutBytes(b []byte) (cut, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, errShort
	}
	n := int(binary.BigEndian.Uint16(b))
	if b = b[2:]; len(b) < n {
		return nil, nil, errShort
	}
	return b[:n:n], b[n:], nil
}
