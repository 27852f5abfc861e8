package xades

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // registers the hashes that digest and checkValue use
	_ "crypto/sha3"
	_ "crypto/sha512"
	"crypto/x509"
	"math/big"
	"strings"

	"github.com/beevik/etree"
)

// digest hashes data by the algorithm of a DigestMethod. It returns nil when the algorithm is not
// supported.
func digest(algorithm string, data []byte) []byte {
	hash, known := map[string]crypto.Hash{
		"http://www.w3.org/2001/04/xmlenc#sha256":         crypto.SHA256,
		"http://www.w3.org/2001/04/xmldsig-more#sha384":   crypto.SHA384,
		"http://www.w3.org/2001/04/xmlenc#sha512":         crypto.SHA512,
		"http://www.w3.org/2007/05/xmldsig-more#sha3-256": crypto.SHA3_256,
		"http://www.w3.org/2007/05/xmldsig-more#sha3-384": crypto.SHA3_384,
		"http://www.w3.org/2007/05/xmldsig-more#sha3-512": crypto.SHA3_512,
	}[algorithm]
	if !known {
		return nil
	}
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// method is what a SignatureMethod names.
type method struct {
	kind string // rsa, pss, ecdsa
	hash crypto.Hash
}

func methodOf(algorithm string) (method, bool) {
	m, known := map[string]method{
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256":        {"rsa", crypto.SHA256},
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384":        {"rsa", crypto.SHA384},
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512":        {"rsa", crypto.SHA512},
		"http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1":   {"pss", crypto.SHA256},
		"http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1":   {"pss", crypto.SHA384},
		"http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1":   {"pss", crypto.SHA512},
		"http://www.w3.org/2007/05/xmldsig-more#sha3-256-rsa-MGF1": {"pss", crypto.SHA3_256},
		"http://www.w3.org/2007/05/xmldsig-more#sha3-384-rsa-MGF1": {"pss", crypto.SHA3_384},
		"http://www.w3.org/2007/05/xmldsig-more#sha3-512-rsa-MGF1": {"pss", crypto.SHA3_512},
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256":      {"ecdsa", crypto.SHA256},
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384":      {"ecdsa", crypto.SHA384},
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512":      {"ecdsa", crypto.SHA512},
		"http://www.w3.org/2021/04/xmldsig-more#ecdsa-sha3-256":    {"ecdsa", crypto.SHA3_256},
		"http://www.w3.org/2021/04/xmldsig-more#ecdsa-sha3-384":    {"ecdsa", crypto.SHA3_384},
		"http://www.w3.org/2021/04/xmldsig-more#ecdsa-sha3-512":    {"ecdsa", crypto.SHA3_512},
	}[algorithm]
	return m, known
}

// checkValue verifies the signature value over SignedInfo.
func checkValue(signature, info *etree.Element, certificate *x509.Certificate) error {
	canonical := child(info, dsigSpace, "CanonicalizationMethod")
	named := child(info, dsigSpace, "SignatureMethod")
	if canonical == nil || named == nil {
		return wrong("SignedInfo lacks CanonicalizationMethod or SignatureMethod")
	}
	c := canonicalizer(canonical)
	if c == nil {
		return wrong("the canonical form %q is not supported", canonical.SelectAttrValue("Algorithm", ""))
	}
	m, known := methodOf(named.SelectAttrValue("Algorithm", ""))
	if !known {
		return wrong("the algorithm %q is not supported", named.SelectAttrValue("Algorithm", ""))
	}
	data, err := canonicalForm(info, nil, c)
	if err != nil {
		return wrong("SignedInfo: %v", err)
	}
	value, err := octets(child(signature, dsigSpace, "SignatureValue"))
	if err != nil {
		return wrong("SignatureValue: %v", err)
	}
	h := m.hash.New()
	h.Write(data)
	return m.verify(certificate, h.Sum(nil), value)
}

func (m method) verify(certificate *x509.Certificate, sum, value []byte) error {
	const minRSA, minCurve = 2048, 256
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSA {
			return wrong("the RSA key has %d bits; at least %d are needed", key.N.BitLen(), minRSA)
		}
		var err error
		switch m.kind {
		case "rsa":
			err = rsa.VerifyPKCS1v15(key, m.hash, sum, value)
		case "pss":
			err = rsa.VerifyPSS(key, m.hash, sum, value, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto})
		default:
			return wrong("an RSA key with an algorithm for another kind of key")
		}
		if err != nil {
			return wrong("SignatureValue is not that of SignedInfo")
		}
		return nil
	case *ecdsa.PublicKey:
		bits := key.Curve.Params().BitSize
		width := (bits + 7) / 8
		switch {
		case m.kind != "ecdsa":
			return wrong("an EC key with an algorithm for another kind of key")
		case bits < minCurve:
			return wrong("the curve has %d bits; at least %d are needed", bits, minCurve)
		case len(value) != 2*width:
			return wrong("SignatureValue has %d bytes instead of %d: not r and s of fixed width", len(value), 2*width)
		}
		r, s := new(big.Int).SetBytes(value[:width]), new(big.Int).SetBytes(value[width:])
		if !ecdsa.Verify(key, sum, r, s) {
			return wrong("SignatureValue is not that of SignedInfo")
		}
		return nil
	}
	return wrong("a key of the kind %s", strings.TrimPrefix(certificate.PublicKeyAlgorithm.String(), "x509."))
}
