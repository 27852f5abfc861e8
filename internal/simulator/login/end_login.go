package login

import (
	"errors"
	"slices"
)

// RevokeOwn ends the login of the bearer, who shows an access token or a refresh token. The login's
// access tokens stay valid until they expire. Errors: *Unauthorized.
func (d *Desk) RevokeOwn(bearer string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, err := d.bearerOf(bearer, kindAccess)
	if err != nil {
		if o, err = d.bearerOf(bearer, kindRefresh); err != nil {
			return err
		}
	}
	o.revoked = true
	return nil
}

// Block sets whether every login that begins in a context from now on ends with status 480.
func (d *Desk) Block(c Context, blocked bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.blocked[c] = blocked
}

// Begun counts the logins that have begun in each context, refused ones included.
func (d *Desk) Begun() map[Context]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := map[Context]int{}
	for _, o := range d.order {
		n[o.context]++
	}
	return n
}

// ErrNoLogin is what Revoke returns for a login that does not exist, or that has another subject or
// context.
var ErrNoLogin = errors.New("there is no such login")

// Revoke ends a login of the same subject in the same context. Errors: ErrNoLogin.
func (d *Desk) Revoke(a Access, reference string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.operations[reference]
	if o == nil || o.identity != a.Identity || o.context != a.Context {
		return ErrNoLogin
	}
	o.revoked = true
	return nil
}

// Sessions lists the logins of a subject in a context that can still be refreshed, newest first.
func (d *Desk) Sessions(a Access) []Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []Status
	for _, o := range slices.Backward(d.order) {
		if o.identity == a.Identity && o.context == a.Context && o.redeemed && !o.revoked && d.opts.Now().Before(o.refreshUntil) {
			all = append(all, d.statusOf(o))
		}
	}
	return all
}
