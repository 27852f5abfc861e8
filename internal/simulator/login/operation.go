package login

import (
	"fmt"
	"time"
)

// Methods of logging in, as the contract names them.
const (
	methodToken     = "Token"
	methodInternal  = "InternalCertificate"
	methodSignature = "QualifiedSignature"
)

// keep is how long after its start the status of an operation can be read. Later the answer is
// Gone.
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
	token       *storedToken // the token of the login; nil for a signature

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

// begin registers an operation and returns its token. The caller holds mu.
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

// Status returns the status of a login to the bearer of its authentication token. Errors:
// *Unauthorized, *Refusal, Gone.
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
