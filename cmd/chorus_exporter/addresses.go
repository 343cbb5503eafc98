package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
)

// check finds what is wrong with the flags as they stand: an address that is none, one address for two listeners, a path
// that is none.
func (f *flags) check() error {
	if !strings.HasPrefix(f.telemetryPath, "/") {
		return fmt.Errorf("--web.telemetry-path=%s: a path begins with a slash; use one such as /metrics", f.telemetryPath)
	}
	all := f.listeners()
	for i, later := range all {
		if err := later.check(); err != nil {
			return err
		}
		for _, earlier := range all[:i] {
			if !overlap(earlier.address, later.address) {
				continue
			}
			if earlier == later {
				return fmt.Errorf("%s=%s: given twice; remove one", later.flag, later.address)
			}
			return fmt.Errorf("%s=%s: the port is taken by %s=%s; choose another", later.flag, later.address,
				earlier.flag, earlier.address)
		}
	}
	return nil
}

// listener is an address to listen on, with the flag that it comes from.
type listener struct{ flag, address string }

// listeners are all that the flags ask for.
func (f *flags) listeners() []listener {
	var all []listener
	if !*f.web.WebSystemdSocket { // else the addresses are those of the unit
		for _, address := range *f.web.WebListenAddresses {
			all = append(all, listener{flagWeb, address})
		}
	}
	for _, l := range []listener{{flagProbes, f.probeAddress}, {flagGRPC, f.grpcAddress}} {
		if l.address != "" {
			all = append(all, l)
		}
	}
	return all
}

// The flags that name addresses.
const (
	flagWeb    = "--web.listen-address"
	flagProbes = "--web.probe-listen-address"
	flagGRPC   = "--grpc.listen-address"
)

// check judges how the address is written.
func (l listener) check() error {
	if l.flag == flagWeb && strings.HasPrefix(l.address, "vsock://") {
		return nil
	}
	_, port, err := net.SplitHostPort(l.address)
	if err == nil {
		_, err = net.DefaultResolver.LookupPort(context.Background(), "tcp", port)
	}
	if err != nil {
		return fmt.Errorf("%s=%s: not an address; use HOST:PORT or :PORT with a port from 0 to 65535", l.flag, l.address)
	}
	return nil
}

// explain adds the flag to an error of listening on its address.
func explain(flag string, err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "listen" {
		return fmt.Errorf("%s: %w; choose an address of this machine that is free", flag, err)
	}
	return err
}

// overlap says whether two addresses can't both be listened on. What it can't tell, such as what a name resolves to, the
// operating system will.
func overlap(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA == "0" || portA == "" || portA != portB {
		return false
	}
	return hostA == hostB || covers(hostA, hostB) || covers(hostB, hostA)
}

// covers says whether host stands for all addresses that other could be.
func covers(host, other string) bool {
	ip := net.ParseIP(other)
	switch host {
	case "", "::":
		return true
	case net.IPv4zero.String():
		return ip != nil && ip.To4() != nil
	}
	return false
}
