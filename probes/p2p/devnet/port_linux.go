package devnet

import (
	"fmt"
	"os"
	"syscall"
)

// port is a TCP port of 127.0.0.1 that a node has for the life of its swarm. A socket that is bound and does not listen keeps
// it from everybody who takes any free port, also while the node is dead, and refuses connections as a dead node does. The
// node can listen on it all the same: like every listener of Go it sets SO_REUSEADDR.
type port struct{ socket int }

// takePort takes a free port.
func takePort() (*port, int, error) {
	// Not inherited: a node in a process of its own must not keep it.
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("take a port: %w", os.NewSyscallError("socket", err))
	}
	p := &port{socket}
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		p.release()
		return nil, 0, fmt.Errorf("take a port: %w", os.NewSyscallError("setsockopt", err))
	}
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		p.release()
		return nil, 0, fmt.Errorf("take a port: %w", os.NewSyscallError("bind", err))
	}
	addr, err := syscall.Getsockname(socket)
	if err != nil {
		p.release()
		return nil, 0, fmt.Errorf("take a port: %w", os.NewSyscallError("getsockname", err))
	}
	return p, addr.(*syscall.SockaddrInet4).Port, nil
}

// release gives the port back. A nil port has nothing to give back.
func (p *port) release() {
	if p != nil {
		_ = syscall.Close(p.socket)
	}
}
