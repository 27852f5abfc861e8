package xades_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/simulator/xades"
	"ksefworker/internal/simulator/xades/xadestest"
)

const nip = "5265877635"

var (
	now     = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	from    = now.AddDate(0, -1, 0)
	request = xadestest.Request("20261126-CR-226FB7B000-3ACF9BE4C0-10", "Nip", nip, "certificateSubject")
)

func rsaKey(t *testing.T, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ecKey(t *testing.T, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signers(t *testing.T) map[string]xadestest.Signer {
	t.Helper()
	return map[string]xadestest.Signer{
		"rsa":   xadestest.SelfSigned(t, rsaKey(t, 2048), xadestest.SealName(nip), from),
		"p-256": xadestest.SelfSigned(t, ecKey(t, elliptic.P256()), xadestest.SealName(nip), from),
		"p-384": xadestest.SelfSigned(t, ecKey(t, elliptic.P384()), xadestest.SealName(nip), from),
	}
}

func TestVerify_GoodSignatures_HoldForEveryKindOfKey(t *testing.T) {
	for name, s := range signers(t) {
		signed, err := xades.Verify(s.Sign(t, request, xadestest.Options{At: now}), now)
		if err != nil {
			t.Errorf("a good signature by %s is refused: %v", name, err)
			continue
		}
		if !signed.Certificate.Equal(s.Certificate) || !signed.SigningTime.Equal(now) || signed.Root.Tag != "AuthTokenRequest" {
			t.Errorf("a good signature by %s is read as %+v, want its certificate, its time and the AuthTokenRequest", name, signed)
		}
	}
}

// xmlsec1 is independent of this project. It shows whether the signatures that these tests make are
// valid.
func TestSign_Xmlsec1_VerifiesWhatVerifyTakes(t *testing.T) {
	program, err := exec.LookPath("xmlsec1")
	if err != nil {
		t.Skip("xmlsec1 is not installed (apt-get install xmlsec1)")
	}
	for name, s := range signers(t) {
		file := filepath.Join(t.TempDir(), "signed.xml")
		if err := os.WriteFile(file, s.Sign(t, request, xadestest.Options{At: now}), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"--verify", "--enabled-key-data", "x509", "--insecure", "--id-attr:Id",
			"http://uri.etsi.org/01903/v1.3.2#:SignedProperties", file}
		if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
			t.Errorf("xmlsec1 refuses the signature by %s, which must be good: %v\n%s", name, err, out)
		}
	}
}

func TestVerify_ChangedOrMalformed_IsRefusedWithItsKind(t *testing.T) {
	s := xadestest.Seal(t, nip, from)
	other := xadestest.Seal(t, nip, from)
	good := string(s.Sign(t, request, xadestest.Options{At: now}))
	signature := good[strings.Index(good, "<ds:Signature "):strings.LastIndex(good, "</AuthTokenRequest>")]
	replaced := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the signed document does not contain %q, so nothing can be replaced", old)
		}
		return strings.ReplaceAll(good, old, with)
	}
	for name, c := range map[string]struct {
		document string
		kind     error
		says     string
	}{
		"another NIP":                {replaced("<Nip>"+nip, "<Nip>7980332920"), xades.ErrSignature, "digest"},
		"an element added":           {replaced("</Challenge>", "</Challenge><X></X>"), xades.ErrSignature, "digest"},
		"white space in the request": {replaced("<ContextIdentifier>", "<ContextIdentifier> "), xades.ErrSignature, "digest"},
		"another signing time":       {replaced("<xades:SigningTime>2026", "<xades:SigningTime>2025"), xades.ErrSignature, "Properties"},
		"another algorithm":          {replaced("#ecdsa-sha256", "#ecdsa-sha384"), xades.ErrSignature, "SignatureValue"},
		"SHA-1": {replaced("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1"),
			xades.ErrSignature, ""},
		"another certificate": {
			strings.Replace(good, certificateIn(good), certificateIn(string(other.Sign(t, request, xadestest.Options{At: now}))), 1),
			xades.ErrSignature, "SignatureValue",
		},
		"bytes that are not a certificate": {strings.Replace(good, certificateIn(good), "AAAA", 1), xades.ErrCertificate, ""},
		"no signature":                     {request, xades.ErrNoSignature, ""},
		"two signatures":                   {replaced("</AuthTokenRequest>", signature+"</AuthTokenRequest>"), xades.ErrManySigned, ""},
		"a signature in another element": {strings.Replace(replaced(signature, ""), "</Challenge>", "</Challenge><X>"+signature+"</X>", 1),
			xades.ErrSignature, "enveloped"},
		"an Id twice":                       {replaced("<Challenge>", `<Challenge Id="Properties">`), xades.ErrSignature, "Id"},
		"a document that is not XML":        {"AuthTokenRequest", xades.ErrDocument, ""},
		"a DTD":                             {strings.Replace(good, "?>", "?><!DOCTYPE AuthTokenRequest>", 1), xades.ErrDocument, "DTD"},
		"a processing instruction":          {strings.Replace(good, "?>", "?><?php ?>", 1), xades.ErrDocument, "instruction"},
		"an attribute twice":                {replaced("<Challenge>", `<Challenge a="1" a="2">`), xades.ErrDocument, "twice"},
		"a document declared as ISO-8859-2": {strings.Replace(good, "UTF-8", "ISO-8859-2", 1), xades.ErrEncoding, ""},
		"bytes that are not UTF-8":          {good + "\xff", xades.ErrEncoding, ""},
		"an ECDSA value in DER": {string(s.Sign(t, request, xadestest.Options{
			At: now, DER: true,
		})), xades.ErrSignature, "fixed width"},
		"a signature from tomorrow": {string(s.Sign(t, request, xadestest.Options{At: now.Add(24 * time.Hour)})), xades.ErrSignature,
			"future"},
	} {
		_, err := xades.Verify([]byte(c.document), now)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the error is %v, want %v with %q in it", name, err, c.kind, c.says)
		}
	}
	// A comment is not part of the canonical form, so it changes nothing.
	if _, err := xades.Verify([]byte(replaced("<ContextIdentifier>", "<ContextIdentifier><!-- a comment -->")), now); err != nil {
		t.Errorf("a signed document with an added comment is refused: %v", err)
	}
}

func certificateIn(document string) string {
	const begin, end = "<ds:X509Certificate>", "</ds:X509Certificate>"
	return document[strings.Index(document, begin)+len(begin) : strings.Index(document, end)]
}

// These documents are signed correctly, but KSeF refuses them, because each breaks a rule of KSeF.
func TestVerify_SignedButNotAsKSeFDemands_IsRefused(t *testing.T) {
	s := xadestest.Seal(t, nip, from)
	cut := func(begin, end string) func(string) string {
		return func(xml string) string {
			i, j := strings.Index(xml, begin), strings.Index(xml, end)
			if i < 0 || j < 0 {
				t.Fatalf("the signature does not contain %s, so nothing can be cut out", begin)
			}
			return xml[:i] + xml[j+len(end):]
		}
	}
	for name, o := range map[string]xadestest.Options{
		"the document is not covered": {Info: cut(`<ds:Reference URI="">`, "</ds:Reference>")},
		"the properties aren't covered": {Info: func(i string) string {
			return i[:strings.Index(i, "<ds:Reference Type=")] +
				"</ds:SignedInfo>"
		}},
		"no SigningCertificate": {Properties: cut("<xades:SigningCertificate>", "</xades:SigningCertificate>")},
		"no SigningTime":        {Properties: cut("<xades:SigningTime>", "</xades:SigningTime>")},
		"no IssuerSerial":       {Properties: cut("<xades:IssuerSerial>", "</xades:IssuerSerial>")},
		"another serial number": {Properties: func(p string) string {
			return strings.Replace(p, "<ds:X509SerialNumber>",
				"<ds:X509SerialNumber>1", 1)
		}},
		"a time without offset": {Properties: func(p string) string {
			return strings.Replace(p, "Z</xades:SigningTime>",
				"</xades:SigningTime>", 1)
		}},
		"a wrong certificate digest": {Properties: func(p string) string {
			return strings.Replace(p, "<ds:DigestValue>", "<ds:DigestValue>AAAA", 1)
		}},
		"an unknown transform": {Info: func(i string) string {
			return strings.Replace(i, "xmldsig#enveloped-signature", "xmldsig#base64", 1)
		}},
		"a reference to another document": {Info: func(i string) string {
			return strings.Replace(i, `URI=""`, `URI="http://127.0.0.1/"`,
				1)
		}},
		"properties of another type": {Info: func(i string) string { return strings.Replace(i, "#SignedProperties", "#Other", 1) }},
	} {
		o.At = now
		if _, err := xades.Verify(s.Sign(t, request, o), now); !errors.Is(err, xades.ErrSignature) {
			t.Errorf("%s: the error is %v, want ErrSignature", name, err)
		}
	}
	for name, key := range map[string]crypto.Signer{"RSA of 1024 bits": rsaKey(t, 1024), "P-224": ecKey(t, elliptic.P224())} {
		weak := xadestest.SelfSigned(t, key, xadestest.SealName(nip), from)
		if _, err := xades.Verify(weak.Sign(t, request, xadestest.Options{At: now}), now); !errors.Is(err, xades.ErrSignature) {
			t.Errorf("a signature by a key of the kind %s got the error %v, want ErrSignature", name, err)
		}
	}
}

func FuzzVerify_AnyBytes_NeverPanicsAndNeverHoldsForAnotherNIP(f *testing.F) {
	s := xadestest.Seal(f, nip, from)
	good := s.Sign(f, request, xadestest.Options{At: now})
	f.Add(good)
	f.Add([]byte(request))
	f.Fuzz(func(t *testing.T, document []byte) {
		signed, err := xades.Verify(document, now)
		if err == nil && !strings.Contains(signed.Root.FindElement("ContextIdentifier/Nip").Text(), nip) {
			t.Error("a signature holds for a document whose NIP was changed")
		}
	})
}
