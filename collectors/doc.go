// Package collectors holds what is measured passively: a collector owns its readings, takes them on its own schedule in
// Run, and hands the stored values to the registry. Collect never blocks, dials or touches a file, so a gather costs
// the same whatever the state of the machine.
package collectors
