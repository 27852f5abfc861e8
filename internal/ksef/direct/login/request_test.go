package login

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestAuthTokenRequest_IsWrittenInCanonicalForm(t *testing.T) {
	got, err := authTokenRequest("20261125-CR-226FB7B000-3ACF9BE4C0-10", nip, bySubject)
	want := `<AuthTokenRequest xmlns="http://ksef.mf.gov.pl/auth/token/2.1"><Challenge>20261125-CR-226FB7B000-3ACF9BE4C0-10</Challenge>` +
		`<ContextIdentifier><Nip>5265877635</Nip></ContextIdentifier><SubjectIdentifierType>certificateSubject</SubjectIdentifierType></AuthTokenRequest>`
	if err != nil || string(got) != want {
		t.Errorf("the request is %s, error %v, want the canonical form", got, err)
	}
	if got, err := authTokenRequest("a<b&c", nip, byFingerprint); err != nil ||
		!strings.Contains(string(got), "<Challenge>a&lt;b&amp;c</Challenge>") {
		t.Errorf("the request is %s, error %v, want the special characters of the challenge escaped", got, err)
	}
	for _, bad := range []string{"", " a", "a\x00", "\xff"} {
		if _, err := authTokenRequest(bad, nip, bySubject); err == nil {
			t.Errorf("the challenge %q is accepted, want an error", bad)
		}
	}
}

// The Ministry's schema is not part of this repository, so this test runs only where the variable
// KSEF_MF_AUTH_XSD names the schema's file.
func TestAuthTokenRequest_IsValidByTheMinistrysSchema(t *testing.T) {
	schema := os.Getenv("KSEF_MF_AUTH_XSD")
	if schema == "" {
		t.Skip("KSEF_MF_AUTH_XSD does not name the Ministry's schema of AuthTokenRequest")
	}
	for _, subject := range []string{bySubject, byFingerprint} {
		doc, err := authTokenRequest("20261125-CR-226FB7B000-3ACF9BE4C0-10", nip, subject)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "a.xml")
		if err := os.WriteFile(file, doc, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("xmllint", "--noout", "--nonet", "--schema", schema, file).CombinedOutput(); err != nil {
			t.Errorf("xmllint refuses the request: %v: %s", err, out)
		}
	}
}

func TestNamed_CertificateWithoutNIPOrPESEL_IsKnownByItsFingerprint(t *testing.T) {
	for _, c := range []struct {
		oid  []int
		text string
		want bool
	}{
		{oidSerialNumber, "PNOPL-90010112345", true}, {oidSerialNumber, "TINPL-5265877635", true},
		{oidSerialNumber, "NIP-5265877635", true},
		{oidSerialNumber, "PESEL: 90010112345", true}, {oidSerialNumber, "PESEL:90010112345", true}, {oidSerialNumber, "90010112345", true},
		{oidOrganization, "VATPL-5265877635", true}, {oidOrganization, "7762811692", true}, {oidOrganization, "NTRPL-0000123456", false},
		{oidSerialNumber, "ABC123456789", false}, {[]int{2, 5, 4, 3}, "5265877635", false}, {oidSerialNumber, "", false},
	} {
		cert := &x509.Certificate{Subject: pkix.Name{Names: []pkix.AttributeTypeAndValue{{Type: c.oid, Value: c.text}}}}
		if got := Named(cert); got != c.want {
			t.Errorf("for the attribute %v with the text %q Named returns %v, want the opposite", c.oid, c.text, got)
		}
	}
}
