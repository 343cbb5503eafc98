// Package devnet is a swarm of real libp2p nodes on loopback: GossipSub, a Kademlia DHT, an election with heartbeats and
// a task queue on every node, for a quick start and for tests. It has levers that break it: nodes die, hang, lie, are cut
// off, become slow or shout.
//
// Start runs the nodes in this process, which is quick and light; StartProcesses gives each a process of its own, which a
// hung node needs. The package stands alone: it is the cluster, never what probes it. Nothing listens on, or dials,
// anything but loopback.
package devnet
