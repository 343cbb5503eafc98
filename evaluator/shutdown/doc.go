// Package shutdown ends a program in order: it says that it is stopping, drains, and stops components in phases and by
// priority, each within a bound of its own and all within the whole's.
//
//	running ──Request──► draining ──► pre-shutdown ──► shutdown ──► post-shutdown ──► stopped
//
// A Manager decides nothing: somebody asks it to stop, through Request. It can be used without the rest of this module.
// NewPost, NewCommand and NewSignal make steps for what lives in another process.
package shutdown
