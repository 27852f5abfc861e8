package login

import (
	"maps"
	"time"
)

// Access is what the bearer of an access token may do. Permissions are those at the moment of the
// login, and a token keeps them until it expires.
type Access struct {
	Login       string // reference number
	Identity    Identity
	Context     Context
	Permissions []string
	// BySignature tells that the login was made with a certificate. Subject is what the certificate
	// says about its owner.
	BySignature bool
	Subject     Subject
	Method      string
	// Token is the reference of the KSeF token of the login, "" for a signature.
	Token string
	id    string
	until time.Time
}

// May reports whether one of the permissions is present. If none is named, it reports true.
func (a Access) May(anyOf ...string) bool { return has(a.Permissions, anyOf...) }

// Access verifies an access token that comes from an address. Errors: *Unauthorized, *Forbidden.
func (d *Desk) Access(bearer, ip string) (Access, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.read(bearer, kindAccess)
	if err != nil {
		return Access{}, err
	}
	o := d.operations[c.Operation]
	if _, dead := d.dead[c.ID]; dead || o == nil {
		return Access{}, &Unauthorized{"the access token was ended by a fault"}
	}
	if !o.policy.allows(ip) {
		return Access{}, &Forbidden{ip}
	}
	a := Access{
		Login: o.reference, Identity: o.identity, Context: o.context, Permissions: c.Permissions,
		BySignature: o.bySignature, Subject: o.subject, Method: o.method, id: c.ID, until: time.Unix(c.Expires, 0),
	}
	if o.token != nil {
		a.Token = o.token.reference
	}
	return a, nil
}

// Expire ends an access token before its time, as a fault orders it.
func (d *Desk) Expire(a Access) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.opts.Now()
	maps.DeleteFunc(d.dead, func(_ string, until time.Time) bool { return now.After(until) })
	d.dead[a.id] = a.until
}
