package simulator

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
)

// Profile says whether request limits are enforced.
type Profile string

const (
	// Production enforces the limits of KSeF, September 2026.
	Production Profile = "production"
	// Unlimited counts requests, but refuses them only during a block that a fault of kind "429"
	// began. These refused requests are the only violations that it records.
	Unlimited Profile = "unlimited"
)

// Options configure a Simulator. The zero value is a strict simulator with production limits and no
// delays.
type Options struct {
	// Accounts are added to the default ones: test_id:test_key (any seller) and test_<nip>:test_key
	// (that seller).
	Accounts []Account
	// Taxpayers are those for whom the Ministry has raised a limit.
	Taxpayers []Taxpayer
	// Grants are the permissions to issue the invoices of another taxpayer.
	Grants []Grant
	// Profile of request limits; "" is Production.
	Profile Profile
	// Scale divides the windows and blocks of the request limits. With 60, for example, an hour
	// becomes a minute. 0 means 1. The lifetimes of sessions and parts stay as they are; use
	// Advance for them.
	Scale float64
	// Delay is how long a closed session takes from 100 through 150 (online: 170) to its end. The
	// same delay holds for an upload to the box. 0 means no delay.
	Delay time.Duration
	// InvoiceDelay is how long an invoice of an open online session, a query or a download by the
	// box takes. 0 means no delay.
	InvoiceDelay time.Duration
	// Faults are armed from the start; Inject adds more.
	Faults []Fault
	// Now is the clock; nil is time.Now. Advance adds to its time.
	Now func() time.Time
	// Log gets one line for each request; the zero value discards them. Secrets are never logged.
	Log zerolog.Logger
	// BaseURL is the base of pre-signed part addresses, without a slash at the end. "" means the
	// Host of the request that opened the session.
	BaseURL string
	// Seed makes identifiers and probabilities repeatable; 0 is a random seed.
	Seed int64
	// KeyBits is the size of the RSA key; 0 is 2048.
	KeyBits int
	// NewKey returns an RSA key of that many bits. It is called each time a key is needed. If
	// NewKey is nil, each key is newly generated. Tests hand in keys that were made before.
	NewKey func(bits int) (*rsa.PrivateKey, error)
	// Dir holds spooled parts and accepted documents. It is made when it is missing. "" means a new
	// temporary directory, which Close removes.
	Dir string
}

// validate reports all that is wrong with the options, in one error.
func (o Options) validate() error {
	var errs []error
	if o.Profile != Production && o.Profile != Unlimited {
		errs = append(errs, &FieldError{Field: "Profile", Value: string(o.Profile), Err: errors.New("neither production nor unlimited")})
	}
	if o.Scale < 0 {
		errs = append(errs, &FieldError{Field: "Scale", Value: fmt.Sprint(o.Scale), Err: errors.New("negative")})
	}
	if o.Delay < 0 || o.InvoiceDelay < 0 {
		errs = append(errs, &FieldError{Field: "Delay", Value: fmt.Sprint(min(o.Delay, o.InvoiceDelay)), Err: errors.New("negative")})
	}
	for _, a := range o.Accounts {
		errs = append(errs, a.validate())
	}
	for _, t := range o.Taxpayers {
		errs = append(errs, t.validate())
	}
	for _, g := range o.Grants {
		errs = append(errs, g.validate())
	}
	for _, f := range o.Faults {
		errs = append(errs, f.Validate())
	}
	return errors.Join(errs...)
}

// FieldError names an unusable setting and its value. The value is never a secret.
type FieldError struct {
	Field, Value string
	Err          error
}

func (e *FieldError) Error() string { return fmt.Sprintf("%s %q: %v", e.Field, e.Value, e.Err) }

// Unwrap returns the reason.
func (e *FieldError) Unwrap() error { return e.Err }
