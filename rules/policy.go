package rules

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Policy is what the configuration decides about scores: it reaches the rules as metrics (see PolicyCollector).
type Policy struct {
	Healthy    float64 // system score under which the status is no longer healthy, 0 to 1
	Degraded   float64 // system score under which the status is no longer degraded but unhealthy, 0 to 1
	Components map[string]ComponentPolicy
}

// ComponentPolicy is one entry of `components:` in the configuration.
type ComponentPolicy struct {
	Weight *float64 `yaml:"weight"` // share in the system score; nil: 1, which the rules assume by themselves
	Key    bool     `yaml:"key"`    // the system score is never better than this component
}

// DefaultPolicy is the policy of the embedded default configuration.
func DefaultPolicy() Policy {
	var c struct {
		Thresholds struct {
			Healthy  float64 `yaml:"healthy"`
			Degraded float64 `yaml:"degraded"`
		} `yaml:"thresholds"`
		Components map[string]ComponentPolicy `yaml:"components"`
	}
	mustUnmarshal("defaults.yml", &c)
	return Policy{Healthy: c.Thresholds.Healthy, Degraded: c.Thresholds.Degraded, Components: c.Components}
}

// Validate joins everything that is wrong with the policy, each error naming the configuration key.
func (p Policy) Validate() error {
	var errs []error
	for _, t := range []struct {
		key   string
		value float64
	}{{"thresholds.healthy", p.Healthy}, {"thresholds.degraded", p.Degraded}} {
		if !(t.value >= 0 && t.value <= 1) { // written so that NaN is wrong too
			errs = append(errs, fmt.Errorf("%s: invalid value %v: use a number from 0 to 1", t.key, t.value))
		}
	}
	if p.Degraded > p.Healthy {
		errs = append(errs, fmt.Errorf("thresholds.degraded: %v is above thresholds.healthy (%v): "+
			"lower thresholds.degraded", p.Degraded, p.Healthy))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Components)) {
		w := p.Components[name].Weight
		if w != nil && (!(*w >= 0) || math.IsInf(*w, 1)) {
			errs = append(errs, fmt.Errorf("components.%s.weight: invalid weight %v: use a finite number, 0 or more", name, *w))
		}
	}
	return errors.Join(errs...)
}
