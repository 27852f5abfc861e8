// Package xadestest signs login requests for the tests of the simulator. It shares no code with the
// client that signs for the worker. It links the testing package, so only tests import it.
package xadestest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

// Signer is a key with its certificate.
type Signer struct {
	Key         crypto.Signer
	Certificate *x509.Certificate
}

// organizationIdentifier is the attribute in which a seal has its NIP.
var organizationIdentifier = asn1.ObjectIdentifier{2, 5, 4, 97}

// Seal makes a self-signed seal of an entity with an EC key.
func Seal(t testing.TB, nip string, from time.Time) Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return SelfSigned(t, key, SealName(nip), from)
}

// SealName returns the subject of a seal.
func SealName(nip string) pkix.Name {
	return pkix.Name{
		CommonName: "Firma & <Łódź> " + nip, Organization: []string{"Firma Łódź"}, Country: []string{"PL"},
		ExtraNames: []pkix.AttributeTypeAndValue{{Type: organizationIdentifier, Value: "VATPL-" + nip}},
	}
}

// SelfSigned makes a certificate of this subject that is valid for two years.
func SelfSigned(t testing.TB, key crypto.Signer, subject pkix.Name, from time.Time) Signer {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: subject, NotBefore: from, NotAfter: from.AddDate(2, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return Signer{key, certificate}
}

// Request returns a login request in canonical form, without its signature.
func Request(challenge, contextType, context, subjectType string) string {
	return `<AuthTokenRequest xmlns="http://ksef.mf.gov.pl/auth/token/2.1"><Challenge>` + challenge + `</Challenge><ContextIdentifier><` +
		contextType + `>` + context + `</` + contextType + `></ContextIdentifier><SubjectIdentifierType>` + subjectType +
		`</SubjectIdentifierType></AuthTokenRequest>`
}

// Options make a signature differ from a valid one. The zero value leaves it valid.
type Options struct {
	At         time.Time // SigningTime; zero is now
	DER        bool      // an ECDSA value as ASN.1
	Properties func(xml string) string
	Info       func(xml string) string
	Method     string // SignatureMethod; "" means RSA or ECDSA, as the key is, with SHA-256
}

const (
	dsig  = `xmlns:ds="http://www.w3.org/2000/09/xmldsig#"`
	exc   = "http://www.w3.org/2001/10/xml-exc-c14n#"
	sha   = "http://www.w3.org/2001/04/xmlenc#sha256"
	xades = `xmlns:xades="http://uri.etsi.org/01903/v1.3.2#"`
)

// Sign signs a document whose root ends with an end tag. It returns the document with the signature
// as the last child of the root.
func (s Signer) Sign(t testing.TB, document string, o Options) []byte {
	t.Helper()
	if o.At.IsZero() {
		o.At = time.Now()
	}
	properties := s.properties(o.At)
	if o.Properties != nil {
		properties = o.Properties(properties)
	}
	info := s.info(digest(document), digest(withNamespace(properties, "xades:SignedProperties", xades)), o.Method)
	if o.Info != nil {
		info = o.Info(info)
	}
	signed := withNamespace(info, "ds:SignedInfo", dsig)
	signature := `<ds:Signature ` + dsig + ` Id="Signature">` + info + `<ds:SignatureValue>` + s.value(t, signed, o.DER) +
		`</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + base64.StdEncoding.EncodeToString(s.Certificate.Raw) +
		`</ds:X509Certificate></ds:X509Data></ds:KeyInfo><ds:Object><xades:QualifyingProperties ` + xades + ` Target="#Signature">` +
		properties + `</xades:QualifyingProperties></ds:Object></ds:Signature>`
	at := strings.LastIndex(document, "</")
	return []byte(`<?xml version="1.0" encoding="UTF-8"?>` + document[:at] + signature + document[at:])
}

// withNamespace returns an element in its own canonical form, which has the declaration of its
// prefix. Elements inside it that use another prefix each get a declaration of that prefix.
func withNamespace(xml, name, declaration string) string {
	out := strings.Replace(xml, "<"+name, "<"+name+" "+declaration, 1)
	if declaration == xades {
		out = strings.ReplaceAll(out, "<ds:DigestMethod", "<ds:DigestMethod "+dsig)
		out = strings.ReplaceAll(out, "<ds:DigestValue", "<ds:DigestValue "+dsig)
		out = strings.ReplaceAll(out, "<ds:X509IssuerName", "<ds:X509IssuerName "+dsig)
		out = strings.ReplaceAll(out, "<ds:X509SerialNumber", "<ds:X509SerialNumber "+dsig)
	}
	return out
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (s Signer) properties(at time.Time) string {
	sum := sha256.Sum256(s.Certificate.Raw)
	return `<xades:SignedProperties Id="Properties"><xades:SignedSignatureProperties><xades:SigningTime>` + at.UTC().Format(time.RFC3339) +
		`</xades:SigningTime><xades:SigningCertificate><xades:Cert><xades:CertDigest><ds:DigestMethod Algorithm="` + sha +
		`"></ds:DigestMethod><ds:DigestValue>` + base64.StdEncoding.EncodeToString(sum[:]) + `</ds:DigestValue></xades:CertDigest>` +
		`<xades:IssuerSerial><ds:X509IssuerName>CN=test</ds:X509IssuerName><ds:X509SerialNumber>` + s.Certificate.SerialNumber.String() +
		`</ds:X509SerialNumber></xades:IssuerSerial></xades:Cert></xades:SigningCertificate></xades:SignedSignatureProperties>` +
		`</xades:SignedProperties>`
}

func (s Signer) info(document, properties, method string) string {
	if method == "" {
		method = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
		if _, ec := s.Key.(*ecdsa.PrivateKey); ec {
			method = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
		}
	}
	transform := func(name string) string { return `<ds:Transform Algorithm="` + name + `"></ds:Transform>` }
	reference := func(attributes, transforms, value string) string {
		return `<ds:Reference ` + attributes + `><ds:Transforms>` + transforms + `</ds:Transforms><ds:DigestMethod Algorithm="` + sha +
			`"></ds:DigestMethod><ds:DigestValue>` + value + `</ds:DigestValue></ds:Reference>`
	}
	return `<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="` + exc + `"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="` +
		method + `"></ds:SignatureMethod>` +
		reference(`URI=""`, transform("http://www.w3.org/2000/09/xmldsig#enveloped-signature")+transform(exc), document) +
		reference(`Type="http://uri.etsi.org/01903#SignedProperties" URI="#Properties"`, transform(exc), properties) + `</ds:SignedInfo>`
}

func (s Signer) value(t testing.TB, info string, der bool) string {
	t.Helper()
	sum := sha256.Sum256([]byte(info))
	var value []byte
	var err error
	switch key := s.Key.(type) {
	case *rsa.PrivateKey:
		value, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	case *ecdsa.PrivateKey:
		if der {
			value, err = ecdsa.SignASN1(rand.Reader, key, sum[:])
			break
		}
		width := (key.Curve.Params().BitSize + 7) / 8
		r, n, failed := ecdsa.Sign(rand.Reader, key, sum[:])
		err = failed
		value = append(r.FillBytes(make([]byte, width)), n.FillBytes(make([]byte, width))...)
	default:
		err = fmt.Errorf("a key of type %T", key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(value)
}
