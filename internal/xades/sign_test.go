package xades_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"io"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/xades"
)

var at = time.Date(2026, 11, 25, 13, 0, 0, 987, time.FixedZone("", 3600))

const document = `<AuthTokenRequest xmlns="http://ksef.mf.gov.pl/auth/token/2.1"><Challenge>20261125-CR-226FB7B000-3ACF9BE4C0-10</Challenge>` +
	`<ContextIdentifier><Nip>5265877635</Nip></ContextIdentifier><SubjectIdentifierType>certificateSubject</SubjectIdentifierType></AuthTokenRequest>`

// certify makes a self-signed certificate whose name has everything that an XML writer can get
// wrong.
func certify(t *testing.T, key crypto.Signer) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes([]byte{0x94, 0xc3, 0x98, 0x63, 0xeb, 0x1e, 0x50, 0x58}),
		Subject: pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: "VATPL-5265877635"},
			{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: `Zakład "Ślusarz" & <Syn>, sp. j.`},
			{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: " Żółw+x;y=z\\ "},
			{Type: asn1.ObjectIdentifier{2, 5, 4, 6}, Value: "PL"},
		}},
		NotBefore: at.Add(-time.Hour), NotAfter: at.Add(24 * time.Hour * 365),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func newSigner(t *testing.T, key crypto.Signer) *xades.Signer {
	t.Helper()
	s, err := xades.NewSigner(certify(t, key), key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t *testing.T, s *xades.Signer, doc string) []byte {
	t.Helper()
	out, err := s.Sign([]byte(doc), at)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func keys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	out := map[string]crypto.Signer{}
	var err error
	if out["RSA"], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		if out[name], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestSign_EveryKeyThatKSeFTakes_IsVerifiedByAnotherProgramAndByTheRules(t *testing.T) {
	awkward := `<r xmlns="urn:r" a="&quot;&lt;>&#x9;&#xA;"><c>` + xades.EscapeText("Łódź & <\"'>\r\n\t\u00a0") + `</c><empty></empty></r>`
	for name, key := range keys(t) {
		t.Run(name, func(t *testing.T) {
			s := newSigner(t, key)
			for _, doc := range []string{document, awkward} {
				out := sign(t, s, doc)
				if err := rules(out); err != nil {
					t.Errorf("the signature breaks KSeF's rules: %v", err)
				}
				if err := wellFormed(out); err != nil {
					t.Errorf("the signed document is not well-formed: %v", err)
				}
				if err := xmlsec(t, out); err != nil {
					t.Errorf("xmlsec1 refuses the signature: %v\n%s", err, out)
				}
			}
		})
	}
}

// Each case changes a good document so that KSeF refuses its signature.
func TestSign_ChangedAfterwards_IsRefused(t *testing.T) {
	key := keys(t)["P-256"]
	good := string(sign(t, newSigner(t, key), document))
	if err := verify(t, []byte(good)); err != nil {
		t.Fatal(err)
	}
	cut := func(pattern, with string) string {
		out := regexp.MustCompile(pattern).ReplaceAllLiteralString(good, with)
		if out == good {
			t.Fatalf("%s matches nothing", pattern)
		}
		return out
	}
	signature := regexp.MustCompile(`<ds:Signature .*</ds:Signature>`).FindString(good)
	value := regexp.MustCompile(`<ds:SignatureValue>(.*)</ds:SignatureValue>`).FindStringSubmatch(good)[1]
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	if err != nil {
		t.Fatal(err)
	}
	other := sha256.Sum256([]byte("another certificate"))
	for what, bad := range map[string]string{
		"another NIP":                    strings.Replace(good, "5265877635</Nip>", "5265877636</Nip>", 1),
		"no signature":                   strings.Replace(good, signature, "", 1),
		"two signatures":                 strings.Replace(good, signature, signature+signature, 1),
		"no reference to the document":   cut(`<ds:Reference URI="">.*?</ds:Reference>`, ""),
		"no reference to the properties": cut(`<ds:Reference Type=.*?</ds:Reference>`, ""),
		"another certificate's digest": cut(`(?s)(<xades:CertDigest>.*?Value[^>]*>)[^<]*`, "<xades:CertDigest><ds:DigestValue>"+
			base64.StdEncoding.EncodeToString(other[:])),
		"another signing time": strings.Replace(good, "12:00:00Z", "12:00:01Z", 1),
		"ECDSA as DER":         strings.Replace(good, value, base64.StdEncoding.EncodeToString(der), 1),
	} {
		if bad == good {
			t.Fatalf("%s: nothing was changed", what)
		}
		if err := verify(t, []byte(bad)); err == nil {
			t.Errorf("%s: the changed document is still taken", what)
		}
	}
}

func TestSign_IssuerName_IsInTheOrderOfTheCertificate(t *testing.T) {
	out := string(sign(t, newSigner(t, keys(t)["P-256"]), document))
	// RFC 4514 begins with the last attribute of the DER name. If the RFC has no short name for the
	// type of an attribute, the type is written as an OID, and the value in hex.
	want := `>C=PL,CN=\ Żółw\+x\;y=z\\\ ,O=Zakład \"Ślusarz\" &amp; \&lt;Syn\&gt;\, sp. j.,2.5.4.97=#131056415450`
	if !strings.Contains(out, want) {
		t.Errorf("the issuer's name is not %s in\n%s", want, out)
	}
	if !strings.Contains(out, ">10719579092985729112</ds:X509SerialNumber>") {
		t.Error("the document does not have the certificate's serial number in decimal")
	}
	if !strings.Contains(out, "<xades:SigningTime>2026-11-25T12:00:00Z<") {
		t.Error("SigningTime is not the given time in UTC")
	}
}

// smallECDSA signs with numbers that need fewer bytes than the curve has.
type smallECDSA struct{ crypto.Signer }

func (smallECDSA) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return asn1.Marshal(struct{ R, S *big.Int }{big.NewInt(1), big.NewInt(258)})
}

func TestSign_SmallECDSANumbers_KeepTheirLeadingZeros(t *testing.T) {
	key := keys(t)["P-256"]
	s, err := xades.NewSigner(certify(t, key), smallECDSA{key})
	if err != nil {
		t.Fatal(err)
	}
	want := append(append(make([]byte, 31), 1), append(make([]byte, 30), 1, 2)...)
	if out := sign(t, s, document); !bytes.Contains(out, []byte(">"+base64.StdEncoding.EncodeToString(want)+"</ds:SignatureValue>")) {
		t.Errorf("the signature value does not have r and s with their leading zeros: %s", out)
	}
}

func TestNewSigner_KeyThatKSeFRefuses_IsRefusedHere(t *testing.T) {
	all := keys(t)
	cert := certify(t, all["P-256"])
	weak, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GODEBUG", "rsa1024min=0")
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for want, key := range map[string]crypto.Signer{
		"does not belong to the certificate": all["RSA"],
		"224 bits":                           weak,
		"1024 bits":                          short,
		"neither RSA nor EC":                 edwards,
		"are required":                       nil,
	} {
		if _, err := xades.NewSigner(cert, key); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with the words %s, got %v", want, err)
		}
	}
}

func TestSign_DocumentThatIsNotCanonical_IsRefused(t *testing.T) {
	s := newSigner(t, keys(t)["P-256"])
	for _, doc := range []string{
		"", "text", "<a>", "<a/>", "<a></b>", "<ab></a>", "<></>", `<?xml version="1.0"?><a></a>`, "<a><!-- --></a>", "<a><b/></a>",
		"<a>\r\n</a>", "<a x='1'></a>",
		"<a></a>\n",
	} {
		if out, err := s.Sign([]byte(doc), at); err == nil {
			t.Errorf("%q is signed, want an error: %s", doc, out)
		}
	}
}

func TestValid_CharactersThatXMLDoesNotHave_AreFound(t *testing.T) {
	for s, want := range map[string]bool{
		"": true, "Łódź\t\r\n\U0001F600\uFFFD": true, "a\x00": false, "\x1f": false, "\uFFFE": false, "\xff": false, "a\xc5": false,
	} {
		if xades.Valid(s) != want {
			t.Errorf("Valid(%q) is %v, want the opposite", s, !want)
		}
	}
}
