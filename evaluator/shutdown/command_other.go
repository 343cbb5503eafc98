//go:build !linux

package shutdown

import (
	"context"
	"errors"
	"os/exec"
)

// runGroup runs cmd and kills it when ctx is done. Its children are not known here.
func runGroup(ctx context.Context, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() }) // fails only if it has ended
	defer stop()
	err := cmd.Wait()
	if err != nil && ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	return err
}
