package dht

import (
	"cmp"
	"fmt"
)

// ApplyMinHolders puts another minimum of holders into force, from the next verdict on, or nothing with an error; 0
// stands for DefaultMinHolders. It may be called at any time. Other options need a new Probe.
func (d *Probe) ApplyMinHolders(n int) error {
	n = cmp.Or(n, DefaultMinHolders)
	if n < 1 || n > d.options.BucketSize {
		return fmt.Errorf("DHT probe: minimum of holders %d: use 1 to %d, the bucket size", n, d.options.BucketSize)
	}
	d.holders.Store(int64(n))
	return nil
}

// inForce are the options with what has been applied since.
func (d *Probe) inForce() Options {
	o := d.options
	o.MinHolders = int(d.holders.Load())
	return o
}
