package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"chorus/probes/p2p/devnet"
)

// runBeside runs a command with {config} in its arguments replaced by the name of a file that holds text. It returns when
// the command has ended: by itself, or after SIGTERM when ctx is done, which is no error.
func runBeside(ctx context.Context, p process, command []string, text string) (err error) {
	dir, err := os.MkdirTemp("", "devnet-")
	if err != nil {
		return fmt.Errorf("make a directory for the configuration: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "chorus_exporter.yml")
	if err := writeConfig(file, text); err != nil {
		return err
	}
	args := make([]string, len(command))
	for i, arg := range command {
		args[i] = strings.ReplaceAll(arg, "{config}", file)
	}
	// The command is bound to the life of this thread, which therefore stays until the command has ended.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	devnet.DieWithParent(cmd, syscall.SIGTERM)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopAfter
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("run %s: %w", args[0], err)
	}
	return nil
}
