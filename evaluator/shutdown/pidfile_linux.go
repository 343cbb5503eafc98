package shutdown

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	maxPIDBytes    = 32
	maxStatusBytes = 64 << 10
)

// readPIDFile returns the number of a process that may be signalled, and the user whose file says so.
func readPIDFile(name string) (pid int, owner uint32, err error) {
	// Not blocking: a named pipe must not hold the step. No link: whoever may make it would choose what is read.
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) {
		return 0, 0, errors.New("the pid file is a symbolic link, name what it leads to")
	}
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	switch {
	case !info.Mode().IsRegular():
		return 0, 0, errors.New("the pid file is not a regular file")
	case info.Mode()&0o002 != 0:
		return 0, 0, errors.New("everybody may write the pid file: chmod o-w")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPIDBytes+1))
	if err != nil {
		return 0, 0, err
	}
	pid, err = parsePID(text)
	return pid, info.Sys().(*syscall.Stat_t).Uid, err
}

// parsePID reads the number and refuses those that must not be signalled.
func parsePID(text []byte) (int, error) {
	digits := string(bytes.TrimSpace(text))
	if len(text) > maxPIDBytes || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, fmt.Errorf("the pid file holds %.40q, want the number of a process and nothing else", text)
	}
	pid, err := strconv.ParseInt(digits, 10, 32)
	switch {
	case err != nil:
		return 0, fmt.Errorf("the pid file holds %s, which is not a process number", digits)
	case pid <= 1:
		return 0, fmt.Errorf("the pid file holds %d, which must not be signalled", pid)
	case int(pid) == os.Getpid():
		return 0, fmt.Errorf("the pid file holds %d, which is this process", pid)
	case int(pid) == os.Getppid():
		return 0, fmt.Errorf("the pid file holds %d, which is the parent of this process", pid)
	}
	return int(pid), nil
}

// effectiveUser is the user whose rights a process has.
func effectiveUser(pid int) (uint32, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxStatusBytes))
	if err != nil {
		return 0, fmt.Errorf("read the status of process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(text)) {
		if ids, ok := strings.CutPrefix(line, "Uid:"); ok { // real, effective, saved, of the file system
			if fields := strings.Fields(ids); len(fields) == 4 {
				id, err := strconv.ParseUint(fields[1], 10, 32)
				return uint32(id), err
			}
		}
	}
	return 0, fmt.Errorf("read the status of process %d: it names no user", pid)
}
