package login

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Identity is who logs in. The value is a NIP, a PESEL, or the fingerprint of a certificate
// (SHA-256, hex in upper case).
type Identity struct{ Type, Value string } // Type: Nip, Pesel, Fingerprint

// Subject is what a certificate says about its owner.
type Subject struct {
	CommonName, Country, GivenName, Surname, SerialNumber, Organization, OrganizationID, UniqueID string
}

func attributeIDs() map[string]func(*Subject) *string {
	return map[string]func(*Subject) *string{
		"2.5.4.3":  func(s *Subject) *string { return &s.CommonName },
		"2.5.4.4":  func(s *Subject) *string { return &s.Surname },
		"2.5.4.5":  func(s *Subject) *string { return &s.SerialNumber },
		"2.5.4.6":  func(s *Subject) *string { return &s.Country },
		"2.5.4.10": func(s *Subject) *string { return &s.Organization },
		"2.5.4.42": func(s *Subject) *string { return &s.GivenName },
		"2.5.4.45": func(s *Subject) *string { return &s.UniqueID },
		"2.5.4.97": func(s *Subject) *string { return &s.OrganizationID },
	}
}

// SubjectOf reads a name. Attributes that it does not know are ignored. If an attribute is
// repeated, the first value counts.
func SubjectOf(name []byte) (Subject, error) {
	var sequence []asn1.RawValue // of sets
	if rest, err := asn1.Unmarshal(name, &sequence); err != nil || len(rest) > 0 {
		return Subject{}, errors.New("the subject is not a name")
	}
	var s Subject
	fields := attributeIDs()
	for _, set := range sequence {
		for rest := set.Bytes; len(rest) > 0; {
			var attribute struct {
				ID    asn1.ObjectIdentifier
				Value asn1.RawValue
			}
			var err error
			if rest, err = asn1.Unmarshal(rest, &attribute); err != nil {
				return Subject{}, fmt.Errorf("read subject: %w", err)
			}
			if field := fields[attribute.ID.String()]; field != nil && *field(&s) == "" {
				*field(&s) = string(attribute.Value.Bytes)
			}
		}
	}
	return s, nil
}

var (
	nipInSerial   = regexp.MustCompile(`^(?:TINPL-|NIP-?)([0-9]{10})$`)
	peselInSerial = regexp.MustCompile(`^(?:PNOPL-|PESEL-?)([0-9]{11})$`)
	vatInID       = regexp.MustCompile(`^VATPL-?([0-9]{10})$`)
)

// kindOf tells whether the certificate is that of a person's signature or of an entity's seal, and
// whose it is. The error says which attribute is wrong.
func (s Subject) kindOf() (method string, owner Identity, err error) {
	if s.CommonName == "" || s.Country == "" {
		return "", owner, errors.New("the subject lacks CN or C")
	}
	if s.OrganizationID != "" {
		switch {
		case s.Organization == "":
			return "", owner, errors.New("a seal lacks O")
		case s.GivenName != "" || s.Surname != "":
			return "", owner, errors.New("a seal has givenName or surname")
		}
		m := vatInID.FindStringSubmatch(s.OrganizationID)
		if m == nil {
			return "", owner, fmt.Errorf("organizationIdentifier %q is not VATPL- and a NIP", s.OrganizationID)
		}
		return "QualifiedSeal", Identity{"Nip", m[1]}, nil
	}
	if s.GivenName == "" || s.Surname == "" {
		return "", owner, errors.New("a signature lacks givenName or surname")
	}
	if m := nipInSerial.FindStringSubmatch(s.SerialNumber); m != nil {
		return "QualifiedSignature", Identity{"Nip", m[1]}, nil
	}
	if m := peselInSerial.FindStringSubmatch(s.SerialNumber); m != nil {
		return "QualifiedSignature", Identity{"Pesel", m[1]}, nil
	}
	return "QualifiedSignature", owner, fmt.Errorf("serialNumber %q names neither a NIP nor a PESEL", s.SerialNumber)
}

// Fingerprint returns the identity of a certificate that logs in by its fingerprint and not by its
// subject.
func Fingerprint(c *x509.Certificate) Identity {
	sum := sha256.Sum256(c.Raw)
	return Identity{"Fingerprint", strings.ToUpper(hex.EncodeToString(sum[:]))}
}
