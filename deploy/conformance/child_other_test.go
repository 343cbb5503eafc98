//go:build !linux

package conformance

import "syscall"

// endWithTest does nothing where a process can't be tied to another.
func endWithTest() *syscall.SysProcAttr { return nil }
