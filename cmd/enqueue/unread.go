package main

import "ksefworker/internal/ledger"

// skip says on stderr which entries could not be read; the others are shown all the same, and
// nothing else changes. Any other error is returned.
func (p *program) skip(err error) error {
	unread, err := ledger.Skip(err)
	for _, u := range unread {
		p.say("%s: left out, it cannot be read: %v", u.ID, u.Err)
	}
	return err
}
