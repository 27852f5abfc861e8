package xades

import (
	"bytes"
	"crypto/x509"
	"math/big"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// checkProperties verifies that the signed properties name the signer's certificate, and returns
// the time of the signature. It does not compare the name of the issuer. It is unknown whether KSeF
// compares that name, and the digest already identifies the certificate.
func checkProperties(properties *etree.Element, certificate *x509.Certificate) (time.Time, error) {
	signature := child(properties, xadesSpace, "SignedSignatureProperties")
	if signature == nil {
		return time.Time{}, wrong("there are no SignedSignatureProperties")
	}
	text := child(signature, xadesSpace, "SigningTime")
	if text == nil {
		return time.Time{}, wrong("there is no SigningTime")
	}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(text.Text()))
	if err != nil {
		return time.Time{}, wrong("SigningTime %q is not a date and time with its offset", text.Text())
	}
	first, second := child(signature, xadesSpace, "SigningCertificate"), child(signature, xadesSpace, "SigningCertificateV2")
	list := first
	if list == nil {
		list = second
	}
	if list == nil {
		return time.Time{}, wrong("the format is not among the accepted profiles: there is no SigningCertificate")
	}
	// The first certificate is the signer's; the others may be its issuers.
	certificates := list.ChildElements()
	if len(certificates) == 0 {
		return time.Time{}, wrong("SigningCertificate is empty")
	}
	named := certificates[0]
	d := child(named, xadesSpace, "CertDigest")
	algorithm := child(d, dsigSpace, "DigestMethod")
	value, err := octets(child(d, dsigSpace, "DigestValue"))
	if algorithm == nil || err != nil {
		return time.Time{}, wrong("SigningCertificate has no digest")
	}
	sum := digest(algorithm.SelectAttrValue("Algorithm", ""), certificate.Raw)
	if sum == nil {
		return time.Time{}, wrong("SigningCertificate: the digest %q is not supported", algorithm.SelectAttrValue("Algorithm", ""))
	}
	if !bytes.Equal(sum, value) {
		return time.Time{}, wrong("SigningCertificate names another certificate than KeyInfo")
	}
	if list == first {
		serial := child(child(named, xadesSpace, "IssuerSerial"), dsigSpace, "X509SerialNumber")
		if serial == nil {
			return time.Time{}, wrong("SigningCertificate has no IssuerSerial")
		}
		n, ok := new(big.Int).SetString(strings.TrimSpace(serial.Text()), 10)
		if !ok || n.Cmp(certificate.SerialNumber) != 0 {
			const text = "SigningCertificate names the serial number %q, the certificate has %s"
			return time.Time{}, wrong(text, serial.Text(), certificate.SerialNumber)
		}
	}
	return at, nil
}
