package chorus

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"chorus/collectors"
	"chorus/rules"
)

// componentResources is the component of the checks that look at this machine.
const componentResources = "resources"

// ResourceNeeds are the resources of this machine that a check looks at.
type ResourceNeeds struct{ CPU, Memory, Disk bool }

// ResourceChecks maps the shipped checks that look at this machine to what they look at.
func ResourceChecks() map[string]ResourceNeeds {
	return map[string]ResourceNeeds{
		"resource-health": {CPU: true, Memory: true, Disk: true},
		"memory-usage":    {Memory: true},
		"disk-space":      {Disk: true},
	}
}

// shippedResources is what the default configuration says of this machine.
type shippedResources struct {
	Resources struct {
		CPU    float64 `yaml:"cpu"`
		Memory float64 `yaml:"memory"`
		Disk   float64 `yaml:"disk"`
		Inodes float64 `yaml:"inodes"`
	} `yaml:"resources"`
	Disks []struct {
		Path string `yaml:"path"`
	} `yaml:"disks"`
	Checks map[string]struct {
		Enabled  *bool          `yaml:"enabled"`
		Interval model.Duration `yaml:"interval"`
		Timeout  model.Duration `yaml:"timeout"`
	} `yaml:"checks"`
}

// defaultResources are what the enabled checks look at, with the limits of the default configuration.
func (s *Settings) defaultResources() (o collectors.ResourcesOptions, err error) {
	var d shippedResources
	if err := yaml.Unmarshal(rules.Defaults(), &d); err != nil {
		return o, fmt.Errorf("parse the embedded defaults: %w", err)
	}
	for name, needs := range ResourceChecks() {
		check := d.Checks[name]
		on := (check.Enabled == nil || *check.Enabled || slices.Contains(s.Enable, name)) && !slices.Contains(s.Disable, name)
		if !on {
			continue
		}
		if needs.CPU {
			o.Thresholds.CPU = d.Resources.CPU
		}
		if needs.Memory {
			o.Thresholds.Memory = d.Resources.Memory
		}
		if needs.Disk {
			o.Thresholds.Disk, o.Thresholds.Inodes = d.Resources.Disk, d.Resources.Inodes
			o.DiskInterval, o.DiskTimeout = time.Duration(check.Interval), time.Duration(check.Timeout)
		}
	}
	if o.Thresholds.Disk == 0 {
		return o, nil
	}
	if o.Disks = slices.Clone(s.Disks); len(o.Disks) == 0 {
		for _, disk := range d.Disks {
			o.Disks = append(o.Disks, collectors.Disk{Path: disk.Path})
		}
	}
	return o, nil
}
