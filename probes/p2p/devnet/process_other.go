//go:build !linux

package devnet

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// DieWithParent does nothing here: only Linux binds the life of a process to its parent's. A node still ends when its
// standard input does.
func DieWithParent(*exec.Cmd, syscall.Signal) {}

func freeze(*os.Process) error { return errors.New("freezing needs Linux") }

func thaw(*os.Process) error { return errors.New("thawing needs Linux") }
