package main

import (
	"ksefworker/internal/ledger"
)

// sayUnread says on stderr which entry could not be read. The others are shown all the same, and
// nothing else changes.
func (p *program) sayUnread(u ledger.Unreadable) {
	p.say("%s: left out, it cannot be read: %v", u.ID, u.Err)
}

// skip tells of the entries in an error that could not be read, and returns any other error.
func (p *program) skip(err error) error {
	unread, err := ledger.Skip(err)
	for _, u := range unread {
		p.sayUnread(u)
	}
	return err
}
