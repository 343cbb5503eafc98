package conformance

import "syscall"

// endWithTest ends a process when the test that started it is killed: one that hangs would not do so by itself.
func endWithTest() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
