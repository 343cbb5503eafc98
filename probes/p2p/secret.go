package p2p

import (
	"fmt"
	"io"
	"os"
	"runtime"
)

// maxSecretBytes bounds a file that holds a key.
const maxSecretBytes = 4 << 10

// openToOthers are the permissions that a secret's file may not have. Its group may read it: that is how Kubernetes
// mounts a secret for a pod with an fsGroup.
const openToOthers = 0o037

// readSecret reads a file that holds a key, unless others may read it. Symbolic links are followed.
func readSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err // names the file
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case mode.Perm()&openToOthers != 0 && runtime.GOOS != "windows": // where modes say nothing
		return nil, fmt.Errorf("%s holds a secret and has mode %04o, close it to others: chmod 600 %s", path, mode.Perm(), path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(data) > maxSecretBytes {
		return nil, fmt.Errorf("%s is larger than the %d bytes that a key needs at most", path, maxSecretBytes)
	}
	return data, nil
}
