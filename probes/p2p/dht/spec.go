package dht

import (
	"time"

	"chorus/probes"
)

// Component and ComponentReplication are the subsystems that the checks of this package's DHT probes speak for.
const (
	Component            = "dht"
	ComponentReplication = "replication"
)

// ActiveSpec is the plain check: not critical, failing at once.
func ActiveSpec(p probes.Probe) probes.Spec {
	return probes.Spec{
		Name: "dht-active", Component: Component, Probe: p,
		Description: "A fresh value put into the DHT is held, byte for byte, by other nodes",
		Interval:    90 * time.Second, Timeout: 20 * time.Second, FailureThreshold: 1,
	}
}

// EnhancedSpec is the check whose success ratio, integrity and replication count in the score.
func EnhancedSpec(p probes.Probe) probes.Spec {
	return probes.Spec{
		Name: "dht-enhanced", Component: Component, Critical: true, Probe: p,
		Description: "A fresh value put into the DHT is held, byte for byte, by other nodes; none shows another one",
		Interval:    60 * time.Second, Timeout: 20 * time.Second, FailureThreshold: 3,
	}
}

// ReplicationSpec is the check that looks at the watched keys; rules judge what it measures.
func ReplicationSpec(p probes.Probe) probes.Spec {
	return probes.Spec{
		Name: "replication-health", Component: ComponentReplication, Probe: p,
		Description: "The watched keys could be looked up, and enough nodes hold each of them",
		Interval:    120 * time.Second, Timeout: 20 * time.Second,
	}
}
