package healthrecord

import "errors"

// Validator accepts the records of this package. It implements Validator of go-libp2p-record, holds nothing, and is safe
// for concurrent use.
type Validator struct{}

// Validate accepts a value that is well-formed and signed by the peer that key names.
func (Validator) Validate(key string, value []byte) error {
	_, err := Verify(key, value)
	return err
}

// Select is the index of the value with the highest sequence, the first of equals, so that the same record put again
// is stored again and does not expire. Values that are no records are passed over; signatures are Validate's business.
func (Validator) Select(_ string, values [][]byte) (int, error) {
	best, highest := -1, uint64(0)
	for i, value := range values {
		if p, err := parse(value); err == nil && p.record.Sequence > highest {
			best, highest = i, p.record.Sequence
		}
	}
	if best < 0 {
		return 0, errors.New("select health record: none is well-formed")
	}
	return best, nil
}
