package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"chorus/probes/sql/dsn"
)

// maxPasswordSize limits the size of a password file, in bytes.
const maxPasswordSize = 64 << 10

// hasPasswordSource reports whether the password comes from a file or from the environment.
func (d Database) hasPasswordSource() bool { return d.PasswordFile != "" || d.PasswordEnv != "" }

// password returns the current password, so that a rotation needs no restart. Its errors contain neither the password nor
// what password_file and password_env hold: somebody may have put the password itself there.
func (d Database) password() (string, error) {
	switch {
	case d.PasswordFile != "":
		data, err := readPasswordFile(d.PasswordFile)
		if err != nil {
			return "", err
		}
		return cleanPassword(data)
	case d.PasswordEnv != "":
		password, set := os.LookupEnv(d.PasswordEnv)
		if !set {
			return "", errors.New("the environment variable is not set")
		}
		return cleanPassword([]byte(password))
	}
	return "", nil
}

// readPasswordFile returns the content of a regular file of limited size. Opening a pipe would block.
func readPasswordFile(file string) ([]byte, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, dsn.Pathless(err)
	case info.IsDir():
		return nil, errors.New("it is a directory")
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	}
	data, err := readBounded(file, maxPasswordSize+1)
	if err != nil {
		return nil, dsn.Pathless(err)
	}
	if len(data) > maxPasswordSize {
		return nil, fmt.Errorf("it is larger than %d KiB", maxPasswordSize>>10)
	}
	return data, nil
}

// cleanPassword returns the password in data, without a byte order mark and the final line break that editors add. Spaces
// belong to the password.
func cleanPassword(data []byte) (string, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.TrimRight(data, "\r\n")
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "", errors.New("it is UTF-16; save it as UTF-8")
	case bytes.IndexByte(data, 0) >= 0:
		return "", errors.New("it contains a NUL byte; save it as UTF-8 text")
	case bytes.ContainsAny(data, "\r\n"):
		return "", errors.New("it has more than one line; keep only the password")
	case len(data) == 0:
		return "", errors.New("it is empty")
	case len(bytes.TrimSpace(data)) == 0:
		return "", errors.New("it contains only spaces")
	}
	return string(data), nil
}
