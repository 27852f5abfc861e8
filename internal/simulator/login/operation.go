package login

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Methods of logging in, as the contract names them.
const (
	methodToken     = "Token"
	methodInternal  = "InternalCertificate"
	methodSignature = "QualifiedSignature"
)

// keep is how long the status of an operation is told; then it is Gone.
const keep = 7 * 24 * time.Hour

// operation is one login from its request to its end.
type operation struct {
	reference   string
	method      string
	identity    Identity
	context     Context
	subject     Subject // of the certificate
	bySignature bool
	permissions []string
	policy      Policy
	ip          string
	token       *storedToken // that it began with; nil for a signature

	started      time.Time
	ready        time.Time // when the status leaves 100; zero is never
	code         int       // how it ends; 0 is 200
	details      string
	redeemed     bool
	revoked      bool
	refreshUntil time.Time
	refreshed    time.Time
}

func (o *operation) end(code int, details string) { o.code, o.details = code, details }

// begin registers an operation and gives its token. The caller holds mu.
func (d *Desk) begin(o *operation) Begun {
	now := d.opts.Now()
	o.reference, o.started, o.ready = d.opts.Reference("AU"), now, now.Add(d.opts.Delay)
	if d.blocked[o.context] {
		o.end(480, "Podejrzenie incydentu bezpieczeństwa. Skontaktuj się z Ministerstwem Finansów przez formularz zgłoszeniowy.")
	}
	if d.opts.Fate != nil {
		fate := d.opts.Fate(o.context)
		if fate.Code != 0 {
			o.end(fate.Code, fate.Details)
		}
		switch {
		case fate.Stuck < 0:
			o.ready = time.Time{}
		case fate.Stuck > 0:
			o.ready = now.Add(fate.Stuck)
		}
	}
	d.operations[o.reference] = o
	d.order = append(d.order, o)
	return Begun{o.reference, d.issue(kindOperation, o, now.Add(d.opts.Lives.Authentication))}
}

// status returns the code that a client sees now. The caller holds mu.
func (d *Desk) status(o *operation) (code int, details string) {
	switch {
	case o.ready.IsZero() || d.opts.Now().Before(o.ready):
		return 100, ""
	case o.code != 0:
		return o.code, o.details
	case o.revoked:
		return 425, "Uwierzytelnienie i powiązane refresh tokeny zostały unieważnione przez użytkownika"
	}
	return 200, ""
}

// Describe returns KSeF's text for the status of a login.
func Describe(code int) string {
	switch code {
	case 100:
		return "Uwierzytelnianie w toku"
	case 200:
		return "Uwierzytelnianie zakończone sukcesem"
	case 415, 470:
		return "Uwierzytelnianie zakończone niepowodzeniem"
	case 425:
		return "Uwierzytelnienie unieważnione"
	case 450:
		return "Uwierzytelnianie zakończone niepowodzeniem z powodu błędnego tokenu"
	case 460:
		return "Uwierzytelnianie zakończone niepowodzeniem z powodu błędu certyfikatu"
	case 480:
		return "Uwierzytelnienie zablokowane"
	case 550:
		return "Operacja została anulowana przez system"
	}
	return "Nieznany błąd"
}

// Status is what a client may know of a login.
type Status struct {
	Reference    string
	Started      time.Time
	Method       string
	Code         int
	Details      string
	Redeemed     bool
	Refreshed    time.Time // zero when it never was
	RefreshUntil time.Time // zero before it was redeemed
}

func (d *Desk) statusOf(o *operation) Status {
	code, details := d.status(o)
	return Status{o.reference, o.started, o.method, code, details, o.redeemed, o.refreshed, o.refreshUntil}
}

func notFound(reference string) *Refusal {
	return &Refusal{Code: 21304, Description: "Brak uwierzytelnienia.", Details: []string{
		fmt.Sprintf("Operacja uwierzytelniania o numerze referencyjnym %s nie została znaleziona.", reference)}}
}

func notAuthorized(format string, args ...any) *Refusal {
	return &Refusal{Code: 21301, Description: "Brak autoryzacji.", Details: []string{fmt.Sprintf(format, args...)}}
}

// Status tells how a login stands to the bearer of its authentication token. Errors: *Unauthorized,
// *Refusal, Gone.
func (d *Desk) Status(reference, bearer string) (Status, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, err := d.bearerOf(bearer, kindOperation)
	if err != nil {
		return Status{}, err
	}
	if o.reference != reference {
		return Status{}, notFound(reference)
	}
	if d.opts.Now().Sub(o.started) >= keep {
		return Status{}, Gone{}
	}
	return d.statusOf(o), nil
}

// Redeem exchanges the authentication token for an access token and a refresh token, once. Errors:
// *Unauthorized, *Refusal.
func (d *Desk) Redeem(bearer string) (access, refresh JWT, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, err := d.bearerOf(bearer, kindOperation)
	if err != nil {
		return access, refresh, err
	}
	if code, _ := d.status(o); code != 200 {
		return access, refresh, notAuthorized("Status uwierzytelniania (%d) nie pozwala na pobranie tokenów.", code)
	}
	if o.token != nil && o.token.status == TokenRevoked {
		return access, refresh, notAuthorized("Token KSeF został unieważniony.")
	}
	if o.redeemed {
		return access, refresh, notAuthorized("Tokeny dla operacji uwierzytelniania %s zostały już pobrane.", o.reference)
	}
	now := d.opts.Now()
	o.redeemed, o.refreshUntil = true, now.Add(d.opts.Lives.Refresh)
	return d.issue(kindAccess, o, now.Add(d.opts.Lives.Access)), d.issue(kindRefresh, o, o.refreshUntil), nil
}

// Refresh gives the bearer of a refresh token another access token. The refresh token stays the
// same. Errors: *Unauthorized, *Refusal.
func (d *Desk) Refresh(bearer string) (JWT, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, err := d.bearerOf(bearer, kindRefresh)
	if err != nil {
		return JWT{}, err
	}
	if code, _ := d.status(o); code != 200 {
		return JWT{}, notAuthorized("Status uwierzytelniania (%d) nie pozwala na odświeżenie tokenu dostępowego.", code)
	}
	if o.token != nil && o.token.status == TokenRevoked {
		return JWT{}, notAuthorized("Token KSeF został unieważniony.")
	}
	now := d.opts.Now()
	o.refreshed = now
	return d.issue(kindAccess, o, now.Add(d.opts.Lives.Access)), nil
}

// RevokeOwn ends the login of the bearer, who shows an access token or a refresh token. Access
// tokens live on. Errors: *Unauthorized.
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

// Block ends every login that begins in a context from now on with status 480, or no longer does.
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

// ErrNoLogin is what Revoke returns for a login that does not exist or is another's.
var ErrNoLogin = errors.New("there is no such login")

// Revoke ends another login of the same subject in the same context. Errors: ErrNoLogin.
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
