package conformance

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// blockLog leaves the log unread and fills its pipe, so that whoever logs waits until release is called.
func (e *exporter) blockLog() (release func()) {
	e.t.Helper()
	// A description of its own, which does not wait: that of the exporter must.
	fd, err := syscall.Open(fmt.Sprintf("/proc/%d/fd/2", e.cmd.Process.Pid), syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		e.t.Fatal(err)
	}
	defer syscall.Close(fd)
	e.log.mu.Lock()
	release = sync.OnceFunc(e.log.mu.Unlock)
	e.t.Cleanup(release)
	newline := []byte("\n")
	if _, err := syscall.Write(fd, newline); err != nil { // for the read that is under way
		e.t.Fatal(err)
	}
	<-e.log.held
	for {
		switch _, err := syscall.Write(fd, newline); err {
		case nil, syscall.EINTR:
		case syscall.EAGAIN:
			return release
		default:
			e.t.Fatal(err)
		}
	}
}

// An evaluator that has stalled fails liveness, and one that goes on passes again. What stalls it is its log, which nobody
// reads.
func TestStalled(t *testing.T) {
	for _, dir := range probed {
		t.Run(dir, func(t *testing.T) {
			db := write(t, "db.sqlite", emptyDatabase())
			k := newKubelet(t, dir, "disable: [resource-health]\nevaluation_interval: 200ms\nstall_timeout: 2s\n"+
				fmt.Sprintf("databases: [{name: db, driver: sqlite, dsn: %q}]\nchecks: {db: {interval: 500ms, timeout: 400ms}}\n", db))
			k.timeout = time.Second
			eventually(t, "it is live and ready", func() bool { return k.now() == want{success, success} })
			release := k.exporter.blockLog()
			if err := os.Rename(db, db+".away"); err != nil { // a change of the status is logged
				t.Fatal(err)
			}
			eventually(t, "it is neither", func() bool { return k.now() == want{failure, failure} })
			if err := os.Rename(db+".away", db); err != nil {
				t.Fatal(err)
			}
			release()
			eventually(t, "it is live and ready again", func() bool { return k.now() == want{success, success} })
		})
	}
}
