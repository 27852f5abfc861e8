package certificates

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"time"
)

// attributes lists the attributes of a DER name as type=value.
func attributes(name []byte) ([]string, error) {
	var sets []asn1.RawValue
	if rest, err := asn1.Unmarshal(name, &sets); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("not a name")
	}
	var all []string
	for _, set := range sets {
		for rest := set.Bytes; len(rest) > 0; {
			var a struct {
				ID    asn1.ObjectIdentifier
				Value asn1.RawValue
			}
			var err error
			if rest, err = asn1.Unmarshal(rest, &a); err != nil {
				return nil, fmt.Errorf("read name: %w", err)
			}
			all = append(all, a.ID.String()+"="+string(a.Value.Bytes))
		}
	}
	return all, nil
}

// Info is what the register tells about a certificate.
type Info struct {
	Serial, Name, Type, CommonName, Status string
	Owner                                  Owner
	From, To, Made                         time.Time
	Used                                   time.Time // zero for never
	DER                                    []byte
}

func (c *issued) info(now time.Time) Info {
	return Info{c.serial, c.name, c.kind, c.common, c.status(now), c.owner, c.from, c.to, c.made, c.used, c.der}
}

// Retrieve returns the certificates with these serial numbers. Those of other owners, and those
// that do not exist or are still being made, are left out.
func (o *Office) Retrieve(owner Owner, serials []string) []Info {
	o.mu.Lock()
	defer o.mu.Unlock()
	var found []Info
	for _, serial := range serials {
		if c := o.bySerial[upper(serial)]; c != nil && c.owner == owner && !o.now().Before(c.shown) {
			found = append(found, c.info(o.now()))
		}
	}
	return found
}

// Query lists an owner's certificates that match, newest first.
func (o *Office) Query(owner Owner, match func(Info) bool) []Info {
	o.mu.Lock()
	defer o.mu.Unlock()
	var found []Info
	for _, c := range slices.Backward(o.order) {
		if i := c.info(o.now()); c.owner == owner && !o.now().Before(c.shown) && match(i) {
			found = append(found, i)
		}
	}
	return found
}

// Revoke ends a certificate. Errors: *Refusal.
func (o *Office) Revoke(owner Owner, serial string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.bySerial[upper(serial)]
	switch {
	case c == nil || c.owner != owner:
		return &Refusal{25008, "Certyfikat o podanym numerze seryjnym nie istnieje.", ""}
	case c.status(o.now()) != Active:
		return &Refusal{25009, "Nie można odwołać wskazanego certyfikatu, ponieważ jest już odwołany, zablokowany lub nieważny.", ""}
	}
	c.revoked = true
	return nil
}

// Shorten moves the end of a certificate in the register, as the test environment allows it. The
// certificate itself still names its old end. Errors: *Refusal.
func (o *Office) Shorten(owner Owner, serial string, to time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.bySerial[upper(serial)]
	if c == nil || c.owner != owner {
		return &Refusal{25008, "Certyfikat o podanym numerze seryjnym nie istnieje.", ""}
	}
	c.to = to
	return nil
}

// Issued reports whether the office has issued a certificate. If so, owner is the identity that the
// certificate was issued to. refusal says why the certificate may not log in, or is "". If refusal
// is "", the call is recorded as the certificate's last use.
func (o *Office) Issued(certificate *x509.Certificate) (owner Owner, refusal string, ours bool) {
	if !isOurs(certificate, o.authority) {
		return owner, "", false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.bySerial[fmt.Sprintf("%016X", certificate.SerialNumber)]
	if c == nil {
		return owner, "", false
	}
	switch {
	case c.revoked:
		refusal = "Certyfikat odwołany"
	case c.status(o.now()) != Active:
		refusal = "Nieważny certyfikat"
	case c.kind != Authentication:
		refusal = "Niepoprawny certyfikat"
	default:
		c.used = o.now()
	}
	return c.owner, refusal, true
}
