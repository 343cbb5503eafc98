// Package peer has probes of what members of a cluster do for each other: pass a message on, and hold a value. They work
// through two small interfaces with whatever a program has, and link nothing.
//
// A probe needs a witness other than ourselves. So it writes through one member and reads through another, which has
// connections of its own. With one member alone a run can pass, but says mode self in its details, and the shipped rules
// degrade the check.
package peer

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"reflect"
	"time"

	"chorus/probes"
)

// Bounds of a probe. A run takes as long as its context allows; these are for what a member does with it.
const (
	maxMessage = 64 << 10 // bytes of a message that are looked at
	maxValue   = 64 << 10 // bytes of a value that are compared
)

// same reports whether two members are one.
func same(a, b any) bool {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	return va.IsValid() && vb.IsValid() && va.Type() == vb.Type() && va.Comparable() && a == b
}

// mode is what the details of a run say of its witness.
func mode(self bool, other string) string {
	if self {
		return probes.ModeSelf
	}
	return other
}

// fresh is a text that nobody has seen before and that survives every encoding.
func fresh() (string, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("make a random text: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// took is a duration as people read it.
func took(since time.Time) time.Duration { return time.Since(since).Round(time.Millisecond) }
