package main

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Disk is a file system that is watched, named by a path on it.
type Disk struct {
	// A path on the file system, absolute and in its shortest form. Default: required.
	Path string `yaml:"path"`
	// `true`: the path must be a mount point. Without it the file system of the first reading after a start or a reload
	// is taken for the right one, also if it is the directory beneath.
	Mount bool `yaml:"mount,omitempty"`
	// `true`: the file system must be writable; `false`: it may be read-only. Default: it must stay writable if it was at
	// the first reading.
	Writable *bool `yaml:"writable,omitempty"`
}

// Resources are the utilizations over which a resource is reported.
type Resources struct {
	// Utilization over which the CPU is reported, as the mean of 5 minutes. `off`: the CPU is not measured.
	CPU Limit `yaml:"cpu"`
	// Utilization over which memory is reported. `off`: memory is not measured.
	Memory Limit `yaml:"memory"`
	// Utilization over which a file system is reported. `off`: no path of `disks` is watched.
	Disk Limit `yaml:"disk"`
	// Share of the inodes of a file system over which it is reported. `off`: inodes are not measured.
	Inodes Limit `yaml:"inodes"`
}

// Limit is a ratio over 0 and under 1, or off.
type Limit float64

// limitOff is what off reads as.
const limitOff Limit = -1

func (l Limit) off() bool { return l == limitOff }

// threshold returns the ratio, 0 for off.
func (l Limit) threshold() float64 { return max(float64(l), 0) }

// fromNode reads the limit as a file has it.
func (l *Limit) fromNode(n *yaml.Node) error {
	const leftOut = "write a ratio such as 0.9, or off to leave the resource out"
	var ratio float64
	switch strings.ToLower(n.Value) {
	case "off", "false": // YAML 1.1 reads the one as the other
		*l = limitOff
		return nil
	}
	if tag := n.ShortTag(); tag != "!!int" && tag != "!!float" || n.Decode(&ratio) != nil {
		return fmt.Errorf("invalid limit %q: write a ratio such as 0.9, or off", n.Value)
	}
	switch {
	case ratio == 0:
		return fmt.Errorf("invalid limit %s: any use exceeds it; "+leftOut, n.Value)
	case ratio == 1:
		return fmt.Errorf("invalid limit %s: no use exceeds it; "+leftOut, n.Value)
	case ratio > 1 && ratio < 100:
		return fmt.Errorf("invalid limit %s: write a ratio between 0 and 1, such as %s for %s %%",
			n.Value, strconv.FormatFloat(ratio/100, 'g', 4, 64), n.Value)
	case !(ratio > 0 && ratio < 1): // NaN is neither
		return fmt.Errorf("invalid limit %s: write a ratio between 0 and 1, such as 0.9, or off", n.Value)
	}
	*l = Limit(ratio)
	return nil
}

// MarshalYAML writes the limit as a file has it.
func (l Limit) MarshalYAML() (any, error) {
	if l.off() {
		return &yaml.Node{Kind: yaml.ScalarNode, Value: "off"}, nil
	}
	return float64(l), nil
}
