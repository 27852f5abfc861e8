package certificates

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// request is one request for a certificate.
type request struct {
	owner  Owner
	made   time.Time
	serial string
}

// issued is one certificate in the register.
type issued struct {
	owner   Owner
	name    string
	kind    string // Authentication, Offline
	der     []byte
	serial  string // 16 hex digits
	common  string
	from    time.Time
	to      time.Time
	made    time.Time
	shown   time.Time // from then on clients see the certificate
	revoked bool
	used    time.Time // of the last login; zero for never
}

// Enrol takes a request. data is a DER name with the attributes of the login's certificate. The
// request must have the same attributes, in any order. The error of a refused request is a
// *Refusal.
func (o *Office) Enrol(owner Owner, name, kind string, csr, data []byte, from time.Time) (reference string, err error) {
	parsed, err := x509.ParseCertificateRequest(csr)
	if err != nil || parsed.CheckSignature() != nil {
		return "", &Refusal{25004, "Niepoprawny format CSR lub niepoprawny podpis CSR.", ""}
	}
	switch key := parsed.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() != 2048 {
			return "", &Refusal{25010, "Nieprawidłowy typ lub długość klucza.", fmt.Sprintf("RSA %d", key.N.BitLen())}
		}
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return "", &Refusal{25010, "Nieprawidłowy typ lub długość klucza.", key.Curve.Params().Name}
		}
	default:
		return "", &Refusal{25010, "Nieprawidłowy typ lub długość klucza.", parsed.PublicKeyAlgorithm.String()}
	}
	if a := parsed.SignatureAlgorithm; a == x509.MD5WithRSA || a == x509.UnknownSignatureAlgorithm {
		return "", &Refusal{25011, "Nieprawidłowy algorytm podpisu CSR.", parsed.SignatureAlgorithm.String()}
	}
	if !sameName(parsed.RawSubject, data) {
		return "", &Refusal{25003, "Dane w CSR nie zgadzają się z danymi w użytym wektorze uwierzytelniającym.", ""}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	requests, active := o.counts(owner)
	maxRequests, maxActive := owner.limits()
	switch {
	case requests >= maxRequests:
		return "", &Refusal{25006, "Osiągnięto limit możliwych do złożenia wniosków certyfikacyjnych.", ""}
	case active >= maxActive:
		return "", &Refusal{25007, "Osiągnięto limit dopuszczalnej liczby posiadanych certyfikatów.", ""}
	}
	if from.Before(now) {
		from = now
	}
	serial, err := o.newSerial()
	if err != nil {
		return "", err
	}
	usage := x509.KeyUsageDigitalSignature
	if kind == Offline {
		usage = x509.KeyUsageContentCommitment
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetUint64(serial), RawSubject: parsed.RawSubject,
		NotBefore: from.Add(-time.Minute), NotAfter: from.AddDate(validYears, 0, 0), KeyUsage: usage,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, o.authority, parsed.PublicKey, o.key)
	if err != nil {
		return "", fmt.Errorf("issue certificate: %w", err)
	}
	c := &issued{
		owner: owner, name: name, kind: kind, der: der, serial: fmt.Sprintf("%016X", serial), common: parsed.Subject.CommonName,
		from: from, to: template.NotAfter, made: now, shown: now.Add(o.delay),
	}
	o.bySerial[c.serial] = c
	o.order = append(o.order, c)
	reference = o.reference("CE")
	o.requests[reference] = &request{owner: owner, made: now, serial: c.serial}
	return reference, nil
}

// newSerial draws a serial number of 16 hex digits that no certificate has. The caller holds mu.
func (o *Office) newSerial() (uint64, error) {
	for {
		var raw [8]byte
		if _, err := rand.Read(raw[:]); err != nil {
			return 0, fmt.Errorf("draw serial number: %w", err)
		}
		n := binary.BigEndian.Uint64(raw[:]) >> 1
		if n != 0 && o.bySerial[fmt.Sprintf("%016X", n)] == nil {
			return n, nil
		}
	}
}

// sameName compares two names by their attributes, in any order. The types and values of the
// attributes must be the same, but their ASN.1 string types may differ.
func sameName(a, b []byte) bool {
	x, errX := attributes(a)
	y, errY := attributes(b)
	if errX != nil || errY != nil {
		return false
	}
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// State is what a client may know of its request.
type State struct {
	Made   time.Time
	Code   int // 100, 200
	Serial string
}

// ErrGone is what Status returns for a request that is not kept any more.
var ErrGone = fmt.Errorf("the request is not kept any more")

// Status returns the state of a request. Errors: *Refusal, ErrGone.
func (o *Office) Status(owner Owner, reference string) (State, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.requests[reference]
	if r == nil || r.owner != owner {
		return State{}, &Refusal{25005, "Wniosek certyfikacyjny o podanym numerze referencyjnym nie istnieje.", ""}
	}
	now := o.now()
	if now.Sub(r.made) >= keepOf {
		return State{}, ErrGone
	}
	if now.Before(o.bySerial[r.serial].shown) {
		return State{Made: r.made, Code: 100}, nil
	}
	return State{r.made, 200, r.serial}, nil
}

// counts returns how many requests an owner has made and how many active certificates it has. The
// caller holds mu.
func (o *Office) counts(owner Owner) (requests, active int) {
	for _, c := range o.order {
		if c.owner != owner {
			continue
		}
		requests++
		if c.status(o.now()) == Active {
			active++
		}
	}
	return requests, active
}

// Limits returns how many requests and active certificates an owner may have in all, and how many
// of each are left.
func (o *Office) Limits(owner Owner) (requestsLeft, requests, activeLeft, active int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	made, alive := o.counts(owner)
	requests, active = owner.limits()
	return max(0, requests-made), requests, max(0, active-alive), active
}

func (c *issued) status(now time.Time) string {
	switch {
	case c.revoked:
		return Revoked
	case now.After(c.to):
		return Expired
	}
	return Active
}

func isOurs(c *x509.Certificate, authority *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, authority.RawSubject) && c.CheckSignatureFrom(authority) == nil
}

func upper(serial string) string { return strings.ToUpper(serial) }
