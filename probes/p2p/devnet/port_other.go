//go:build !linux

package devnet

// port is nothing here: two sockets can't share a port in the way that it takes.
type port struct{}

// takePort leaves the choice to the node. Somebody else may have its port when it is revived.
func takePort() (*port, int, error) { return nil, 0, nil }

// release gives nothing back.
func (*port) release() {}
