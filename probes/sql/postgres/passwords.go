package postgres

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// rememberedPasswords is how many passwords of a rotation are still masked: an error about an older connection may
// contain an older one.
const rememberedPasswords = 8

// worthMasking is the length of the shortest secret that is masked. A shorter one would be found in every text.
const worthMasking = 4

// passwords are the newest passwords that a probe has used, for masking.
type passwords struct {
	mu   sync.Mutex
	used []string
}

// add remembers a password.
func (p *passwords) add(password string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if utf8.RuneCountInString(password) < worthMasking || slices.Contains(p.used, password) {
		return
	}
	p.used = append(p.used, strings.Clone(password))
	p.used = p.used[max(0, len(p.used)-rememberedPasswords):]
}

// list returns the remembered passwords.
func (p *passwords) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.used)
}
