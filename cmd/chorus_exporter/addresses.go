package main

import (
	"fmt"
	"net"
)

// checkAddresses finds two flags that ask for one address, which could not be listened on twice.
func (f *flags) checkAddresses() error {
	type listener struct{ flag, address string }
	var all []listener
	if !*f.web.WebSystemdSocket { // else the addresses are those of the unit
		for _, address := range *f.web.WebListenAddresses {
			all = append(all, listener{"--web.listen-address", address})
		}
	}
	all = append(all, listener{"--web.probe-listen-address", f.probeAddress}, listener{"--grpc.listen-address", f.grpcAddress})
	for i, later := range all {
		for _, earlier := range all[:i] {
			if overlap(earlier.address, later.address) {
				return fmt.Errorf("%s=%s: the port is taken by %s=%s; choose another", later.flag, later.address,
					earlier.flag, earlier.address)
			}
		}
	}
	return nil
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
