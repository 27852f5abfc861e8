package xades

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// Namespaces and algorithms.
const (
	nsDsig       = "http://www.w3.org/2000/09/xmldsig#"
	nsDsigMore   = "http://www.w3.org/2001/04/xmldsig-more#"
	nsXades      = "http://uri.etsi.org/01903/v1.3.2#"
	typeProps    = "http://uri.etsi.org/01903#SignedProperties"
	algExclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
	algEnveloped = nsDsig + "enveloped-signature"
	algSHA256    = "http://www.w3.org/2001/04/xmlenc#sha256"

	signatureID  = "Signature"
	propertiesID = "SignedProperties"

	declaration = `<?xml version="1.0" encoding="UTF-8"?>`
)

// Sign returns the document with the signature as the last child of its root. document is one
// element in exclusive canonical form, without an XML declaration. at is the SigningTime, written
// in whole seconds of UTC. It must not be later than the verifier's clock. KSeF does not publish
// the difference that it tolerates.
func (s *Signer) Sign(document []byte, at time.Time) ([]byte, error) {
	end, err := rootEnd(document)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	properties, err := s.properties(at)
	if err != nil {
		return nil, err
	}
	info := s.info(document, properties)
	value, err := s.value(info)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString(declaration)
	out.Write(document[:end])
	out.WriteString(`<ds:Signature xmlns:ds="` + nsDsig + `" Id="` + signatureID + `">`)
	out.Write(info)
	out.WriteString(`<ds:SignatureValue>` + base64Of(value) + `</ds:SignatureValue>`)
	out.WriteString(`<ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + base64Of(s.cert.Raw) +
		`</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`)
	out.WriteString(`<ds:Object><xades:QualifyingProperties xmlns:xades="` + nsXades + `" Target="#` + signatureID + `">`)
	out.Write(properties)
	out.WriteString(`</xades:QualifyingProperties></ds:Object></ds:Signature>`)
	out.Write(document[end:])
	return out.Bytes(), nil
}

// info returns the canonical SignedInfo.
func (s *Signer) info(document, properties []byte) []byte {
	var b bytes.Buffer
	b.WriteString(`<ds:SignedInfo xmlns:ds="` + nsDsig + `">`)
	b.WriteString(method("CanonicalizationMethod", "", algExclusive))
	b.WriteString(method("SignatureMethod", "", s.alg))
	// The enveloped transform removes the signature again, so only the document is hashed.
	b.WriteString(`<ds:Reference URI=""><ds:Transforms>` + method("Transform", "", algEnveloped) + method("Transform", "", algExclusive) +
		`</ds:Transforms>` + method("DigestMethod", "", algSHA256) + `<ds:DigestValue>` + digestOf(document) +
		`</ds:DigestValue></ds:Reference>`)
	b.WriteString(`<ds:Reference Type="` + typeProps + `" URI="#` + propertiesID + `"><ds:Transforms>` + method("Transform",
		"", algExclusive) +
		`</ds:Transforms>` + method("DigestMethod", "", algSHA256) + `<ds:DigestValue>` + digestOf(properties) +
		`</ds:DigestValue></ds:Reference>`)
	b.WriteString(`</ds:SignedInfo>`)
	return b.Bytes()
}

// properties returns the canonical SignedProperties. Its ds elements each declare the prefix,
// because none of them lies within another.
func (s *Signer) properties(at time.Time) ([]byte, error) {
	issuer, err := name(s.cert.RawIssuer)
	if err != nil {
		return nil, err
	}
	const ds = ` xmlns:ds="` + nsDsig + `"`
	var b bytes.Buffer
	b.WriteString(`<xades:SignedProperties xmlns:xades="` + nsXades + `" Id="` + propertiesID + `"><xades:SignedSignatureProperties>`)
	b.WriteString(`<xades:SigningTime>` + at.UTC().Format("2006-01-02T15:04:05Z") + `</xades:SigningTime>`)
	b.WriteString(`<xades:SigningCertificate><xades:Cert><xades:CertDigest>` + method("DigestMethod", ds, algSHA256) +
		`<ds:DigestValue` + ds + `>` + digestOf(s.cert.Raw) + `</ds:DigestValue></xades:CertDigest>`)
	b.WriteString(`<xades:IssuerSerial><ds:X509IssuerName` + ds + `>` + EscapeText(issuer) + `</ds:X509IssuerName>` +
		`<ds:X509SerialNumber` + ds + `>` + s.cert.SerialNumber.String() + `</ds:X509SerialNumber></xades:IssuerSerial>`)
	b.WriteString(`</xades:Cert></xades:SigningCertificate></xades:SignedSignatureProperties></xades:SignedProperties>`)
	return b.Bytes(), nil
}

// name returns a name in the form of RFC 4514, which begins with the last part of the DER name. It
// reads the DER again, because pkix.Name would sort the parts by type.
func name(der []byte) (string, error) {
	var rdns pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &rdns); err != nil || len(rest) > 0 {
		return "", errors.New("sign: the certificate's issuer cannot be read")
	}
	text := rdns.String()
	if !Valid(text) {
		return "", errors.New("sign: the certificate's issuer has characters that XML does not allow")
	}
	return text, nil
}

// rootEnd returns where the end tag of the document's one element begins. It does not parse the
// document, because this program wrote it. It only refuses text that the canonical documents of
// this program never contain.
func rootEnd(document []byte) (int, error) {
	end := bytes.LastIndex(document, []byte("</"))
	switch {
	case !bytes.HasPrefix(document, []byte("<")) || !bytes.HasSuffix(document, []byte(">")) || end < 0:
		return 0, errors.New("the document is not one element")
	case !startsWith(document, document[end+2:len(document)-1]):
		return 0, errors.New("the document does not end with its root's end tag")
	}
	for _, never := range []string{"<?", "<!", "/>", "\r", "'>"} {
		if bytes.Contains(document, []byte(never)) {
			return 0, fmt.Errorf("the document is not in canonical form: it has %q", never)
		}
	}
	return end, nil
}

// startsWith reports whether a start tag with this name opens the document.
func startsWith(document, name []byte) bool {
	rest, ok := bytes.CutPrefix(document[1:], name)
	return ok && len(name) > 0 && (rest[0] == '>' || rest[0] == ' ')
}

// method returns an empty element that names an algorithm.
func method(element, declared, algorithm string) string {
	return `<ds:` + element + declared + ` Algorithm="` + algorithm + `"></ds:` + element + `>`
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return base64Of(sum[:])
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
