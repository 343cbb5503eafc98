package shutdown

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// asTarget in the environment makes this binary a process for tests to signal. Its value says how it takes SIGTERM.
const asTarget = "SHUTDOWN_TEST_TARGET"

func TestMain(m *testing.M) {
	if how := os.Getenv(asTarget); how != "" {
		target(how)
		return
	}
	goleak.VerifyTestMain(m)
}

func target(how string) {
	switch how {
	case "ends":
	case "ignores":
		signal.Ignore(syscall.SIGTERM)
	case "takes its time":
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGTERM)
		go func() {
			<-asked
			time.Sleep(300 * time.Millisecond)
			os.Exit(0)
		}()
	}
	fmt.Println("ready")
	time.Sleep(5 * time.Minute) // if nobody ends it
}
