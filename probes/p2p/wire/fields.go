// Package wire reads protobuf messages of strangers field by field, so that what is in them can be bounded before anything
// of it is decoded.
package wire

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// EachField calls see for every field of an encoded message. value is what a field of bytes holds, nil for another.
func EachField(body []byte, see func(number protowire.Number, value []byte) error) error {
	for len(body) > 0 {
		number, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return protowire.ParseError(n)
		}
		body = body[n:]
		size := protowire.ConsumeFieldValue(number, kind, body)
		if size < 0 {
			return protowire.ParseError(size)
		}
		if kind == protowire.StartGroupType {
			return errors.New("a group, which no message has")
		}
		var value []byte
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(body)
		}
		if err := see(number, value); err != nil {
			return err
		}
		body = body[size:]
	}
	return nil
}
