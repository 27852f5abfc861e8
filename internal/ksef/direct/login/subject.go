package login

import (
	"crypto/x509"
	"encoding/asn1"
	"regexp"
)

var (
	oidSerialNumber = asn1.ObjectIdentifier{2, 5, 4, 5}
	oidOrganization = asn1.ObjectIdentifier{2, 5, 4, 97} // organizationIdentifier

	// The forms in which a certificate names its subject (auth/podpis-xades.md in the documentation
	// of KSeF). KSeF's own certificates carry the number alone.
	personal = regexp.MustCompile(`^(?:PNOPL-|PESEL[:-]? ?|TINPL-|NIP[:-]? ?)?(?:[0-9]{11}|[0-9]{10})$`)
	seal     = regexp.MustCompile(`^(?:VATPL-)?[0-9]{10}$`)
)

// Named reports whether the certificate's subject has a NIP or PESEL. KSeF knows a certificate that
// has neither by its fingerprint.
func Named(cert *x509.Certificate) bool {
	for _, part := range cert.Subject.Names {
		text, _ := part.Value.(string)
		switch {
		case part.Type.Equal(oidSerialNumber) && personal.MatchString(text):
			return true
		case part.Type.Equal(oidOrganization) && seal.MatchString(text):
			return true
		}
	}
	return false
}
