package collectors

import (
	"context"
	"sync"
	"time"
)

// PathCheck tries paths before they are watched. The zero value is ready. A path that hangs holds one goroutine until
// the kernel answers, however often it is tried.
type PathCheck struct{ calls calls[fileSystem] }

// Check reads all paths at once and returns why one cannot be watched, by path. It takes no longer than timeout.
func (c *PathCheck) Check(ctx context.Context, paths []string, timeout time.Duration) map[string]error {
	failed := map[string]error{}
	var (
		mu    sync.Mutex
		reads sync.WaitGroup
	)
	for _, path := range paths {
		reads.Go(func() {
			_, err := c.calls.do(ctx, path, timeout, func() (fileSystem, error) {
				fs, err := readFileSystem("/", path)
				if err == nil {
					_, err = fs.space.ratio()
				}
				return fs, err
			})
			if err != nil {
				mu.Lock()
				failed[path] = err
				mu.Unlock()
			}
		})
	}
	reads.Wait()
	return failed
}
