package login

import (
	"fmt"
	"strings"

	"ksefworker/internal/xades"
)

// namespace is that of the schema AuthTokenRequest 2.1 (API 2.5.0). KSeF still accepts the version
// before, 2.0.
const namespace = "http://ksef.mf.gov.pl/auth/token/2.1"

// How KSeF finds out who signed.
const (
	bySubject     = "certificateSubject"     // NIP or PESEL in the certificate's name
	byFingerprint = "certificateFingerprint" // the certificate itself, to which rights were granted
)

// authTokenRequest writes the document that is signed, in canonical form (see package xades).
func authTokenRequest(challenge, nip, subject string) ([]byte, error) {
	for _, value := range []string{challenge, nip} {
		if value == "" || !xades.Valid(value) || strings.TrimSpace(value) != value {
			return nil, fmt.Errorf("%q cannot stand in an AuthTokenRequest", value)
		}
	}
	return []byte(`<AuthTokenRequest xmlns="` + namespace + `"><Challenge>` + xades.EscapeText(challenge) +
		`</Challenge><ContextIdentifier><Nip>` + xades.EscapeText(nip) + `</Nip></ContextIdentifier><SubjectIdentifierType>` +
		subject + `</SubjectIdentifierType></AuthTokenRequest>`), nil
}
