package direct

import (
	"errors"
	"fmt"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
)

// Codes of a login's status (contract 2.7.0, GET /auth/{referenceNumber}).
const (
	LoginRunning      = 100
	LoginDone         = 200
	LoginNoPermission = 415
	LoginRevoked      = 425
	LoginToken        = 450
	LoginCertificate  = 460
	LoginDeceased     = 470
	LoginBlocked      = 480
	LoginError        = 500
	LoginCancelled    = 550
)

// advice is what a person has to do about a login that will fail again. A failure with any other
// status may pass by itself.
var advice = map[int]string{
	LoginNoPermission: "grant the subject of the login rights in the context of this NIP (InvoiceWrite and InvoiceRead)",
	LoginRevoked:      "the login was revoked by its owner; find out why, then put a valid token or certificate into its file",
	LoginToken:        "put a token into token_file that is active, of this NIP, and of this environment",
	LoginCertificate: "put a certificate into certificate_file that is valid and of this environment " +
		"(only TEST accepts a self-signed certificate, and no other environment accepts a certificate of TEST)",
	LoginDeceased: "the person of the certificate is recorded as deceased; use the certificate or token of another person",
	LoginBlocked:  "the context is blocked on suspicion of an incident; contact the Ministry of Finance (KSeF support)",
}

// loginFailed returns the error of a failed login. It returns nil for a login that still runs or
// has succeeded. When a person must act, the error is a refusal of the credentials. Otherwise it is
// an outage, because another login may succeed.
func loginFailed(s ksef.StatusInfo) error {
	if s.Code <= LoginDone {
		return nil
	}
	what := advice[s.Code]
	return &httponce.StatedError{Code: s.Code, Description: s.Description, Details: s.Details, Advice: what, Credentials: what != "",
		Err: fmt.Errorf("the login ended with status %d", s.Code)}
}

// loginAdvice is what a person has to do about an error that concerns the credentials, by its code
// (contract 2.7.0, POST /auth/xades-signature).
var loginAdvice = map[int]string{
	9102:  "this program sent no signature: report it",
	9105:  "KSeF does not take the signature: check that certificate_file and private_key_file are what KSeF takes (docs/direct.md)",
	21115: advice[LoginCertificate],
	21117: "correct the NIP of the tenant",
	21401: "correct the NIP of the tenant",
	21405: "correct the NIP of the tenant",
	21406: "use a certificate whose subject names a NIP or PESEL",
}

// badChallenge is the code of a challenge that is too old or was used. Another login may succeed.
const badChallenge = 21111

// loginRefused turns a refusal of a login into an error of the credentials, because a login carries
// no invoice that could be at fault. When another login may succeed, it returns an outage instead.
func loginRefused(err error) error {
	e, ok := errors.AsType[*ksef.APIError](err)
	if !ok || e.Kind != ksef.KindRefused {
		return err
	}
	if e.Code == badChallenge || e.Code == ksef.CodeStaleKey {
		e.Kind, e.MaybeDone = ksef.KindOutage, false
		return e
	}
	e.Kind, e.Advice = ksef.KindUnauthorized, loginAdvice[e.Code]
	if e.Advice == "" {
		e.Advice = "put a valid token or certificate into its file"
	}
	return e
}
