package main

import "syscall"

// endWithTest ends a process when the test that started it is killed.
func endWithTest() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
