// Package p2p exposes the state of a libp2p node: its peers, its GossipSub meshes, and what libp2p itself counts. It reads
// only; nothing here dials or blocks. It knows nodes by libp2p's own interfaces and by functions, so it serves our hosts
// and those of a program alike.
package p2p
