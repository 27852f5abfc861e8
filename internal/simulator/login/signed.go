package login

import (
	"errors"
	"slices"

	"ksefworker/internal/simulator/xades"
)

// Begun is the answer, with HTTP status 202, to a request to log in.
type Begun struct {
	Reference string
	Token     JWT
}

// JWT is a bearer token with the moment from which it is refused.
type JWT = token

// BeginSigned takes a signed AuthTokenRequest from a client at the address ip. A *Refusal is
// answered with HTTP status 400. Faults that KSeF finds only later are in the status of the
// operation. If verifyChain is true, a certificate that KSeF has not issued is refused, although
// the contract does not say what this parameter does. Demo and production check the chain even if
// it is false.
func (d *Desk) BeginSigned(document []byte, verifyChain bool, ip string) (Begun, error) {
	signed, err := xades.Verify(document, d.opts.Now())
	if err != nil {
		return Begun{}, refuseSignature(err)
	}
	r, err := readRequest(signed.Root, signed.Signature)
	if err != nil {
		return Begun{}, &Refusal{Code: 21401, Description: "Dokument nie jest zgodny ze schemą (xsd).", Details: []string{err.Error()}}
	}
	subject, err := SubjectOf(signed.Certificate.RawSubject)
	if err != nil {
		return Begun{}, &Refusal{Code: 21115, Description: "Nieprawidłowy certyfikat.", Details: []string{err.Error()}}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, refused := d.take(r.challenge); refused != nil {
		return Begun{}, refused
	}
	o := &operation{context: r.context, policy: r.policy, ip: ip, subject: subject, bySignature: true}
	if refused := d.identify(o, signed, r.byFingerprint); refused != nil {
		return Begun{}, refused
	}
	now := d.opts.Now()
	switch {
	case o.code != 0: // identify has refused a certificate that KSeF issued
	case now.Before(signed.Certificate.NotBefore) || now.After(signed.Certificate.NotAfter):
		o.end(460, "Nieważny certyfikat")
	case d.opts.OnlyIssued && o.method != methodInternal:
		o.end(460, "Niezaufany łańcuch certyfikatów")
	case verifyChain && o.method != methodInternal:
		o.end(460, "Błąd weryfikacji łańcucha certyfikatów")
	default:
		o.permissions = d.permissionsOf(o.identity, o.context)
		if len(o.permissions) == 0 {
			o.end(415, "Brak przypisanych uprawnień")
		}
	}
	return d.begin(o), nil
}

// identify finds the owner and the kind of the certificate.
func (d *Desk) identify(o *operation, signed *xades.Signed, byFingerprint bool) *Refusal {
	if d.opts.Issuer != nil {
		if owner, refusal, ours := d.opts.Issuer.Issued(signed.Certificate); ours {
			o.method, o.identity = methodInternal, owner
			if refusal != "" {
				o.end(460, refusal)
			}
			return nil
		}
	}
	method, owner, err := o.subject.kindOf()
	o.method, o.identity = method, owner
	if byFingerprint {
		if o.method == "" {
			o.method = methodSignature
		}
		o.identity = Fingerprint(signed.Certificate)
		return nil
	}
	if err != nil {
		return &Refusal{Code: 21115, Description: "Nieprawidłowy certyfikat.", Details: []string{err.Error()}}
	}
	return nil
}

// refuseSignature returns the refusal for an error of the signature. KSeF sends details in Polish,
// and the published table has none for code 9105. So the details here are texts of our own, which
// help the reader of a test.
func refuseSignature(err error) *Refusal {
	for _, k := range []struct {
		kind        error
		code        int
		description string
	}{
		{xades.ErrDocument, 9101, "Nieprawidłowy dokument."},
		{xades.ErrEncoding, 21217, "Nieprawidłowe kodowanie znaków."},
		{xades.ErrNoSignature, 9102, "Brak podpisu."},
		{xades.ErrManySigned, 9103, "Przekroczona liczba dozwolonych podpisów."},
		{xades.ErrCertificate, 21115, "Nieprawidłowy certyfikat."},
	} {
		if errors.Is(err, k.kind) {
			return &Refusal{Code: k.code, Description: k.description}
		}
	}
	return &Refusal{Code: 9105, Description: "Nieprawidłowy podpis.", Details: []string{err.Error()}}
}

// has reports whether one of the permissions is present. If none is named, it reports true.
func has(present []string, anyOf ...string) bool {
	return len(anyOf) == 0 || slices.ContainsFunc(anyOf, func(p string) bool { return slices.Contains(present, p) })
}
