package xades_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// signed is what the rules of KSeF's login look at (auth/podpis-xades.md, March 2026).
type signed struct {
	Signatures []struct {
		ID         string `xml:"Id,attr"`
		SignedInfo struct {
			Method struct {
				Algorithm string `xml:",attr"`
			} `xml:"SignatureMethod"`
			Reference []struct {
				URI  string `xml:",attr"`
				Type string `xml:",attr"`
			}
		}
		SignatureValue string
		Certificate    string `xml:"KeyInfo>X509Data>X509Certificate"`
		Qualifying     struct {
			Target     string `xml:",attr"`
			Properties struct {
				ID   string `xml:"Id,attr"`
				Cert struct {
					Digest string `xml:"CertDigest>DigestValue"`
					Issuer string `xml:"IssuerSerial>X509IssuerName"`
					Serial string `xml:"IssuerSerial>X509SerialNumber"`
				} `xml:"SignedSignatureProperties>SigningCertificate>Cert"`
			} `xml:"SignedProperties"`
		} `xml:"Object>QualifyingProperties"`
	} `xml:"Signature"`
}

// rules returns why KSeF would refuse a signature. It checks what is signed, what is said about the
// certificate, and the form of an ECDSA value. It does not verify the signature value.
func rules(document []byte) error {
	var d signed
	if err := xml.Unmarshal(document, &d); err != nil {
		return err
	}
	if len(d.Signatures) != 1 {
		return fmt.Errorf("the document has %d signatures, want one", len(d.Signatures))
	}
	s := d.Signatures[0]
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s.Certificate), ""))
	if err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	root, properties := 0, 0
	for _, r := range s.SignedInfo.Reference {
		switch {
		case r.URI == "":
			root++
		case r.URI == "#"+s.Qualifying.Properties.ID && r.Type == "http://uri.etsi.org/01903#SignedProperties":
			properties++
		}
	}
	sum := sha256.Sum256(cert.Raw)
	value, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s.SignatureValue), ""))
	switch public, ec := cert.PublicKey.(*ecdsa.PublicKey); {
	case err != nil:
		return err
	case root != 1 || properties != 1 || len(s.SignedInfo.Reference) != 2:
		return errors.New("the references do not cover document and SignedProperties")
	case s.Qualifying.Target != "#"+s.ID || s.ID == "":
		return errors.New("QualifyingProperties are of another signature")
	case s.Qualifying.Properties.Cert.Digest != base64.StdEncoding.EncodeToString(sum[:]):
		return errors.New("SigningCertificate is another certificate")
	case s.Qualifying.Properties.Cert.Serial != cert.SerialNumber.String():
		return errors.New("IssuerSerial has another number")
	case ec && len(value) != 2*((public.Params().BitSize+7)/8):
		return errors.New("the ECDSA value is not r and s side by side")
	}
	return nil
}

// xmlsec verifies the references and the signature value with an independent program.
func xmlsec(t *testing.T, document []byte) error {
	t.Helper()
	if _, err := exec.LookPath("xmlsec1"); err != nil {
		t.Skip("xmlsec1 is not on PATH")
	}
	file := filepath.Join(t.TempDir(), "signed.xml")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		t.Fatal(err)
	}
	// The certificates of these tests are self-signed, so no chain is asked for.
	out, err := exec.Command("xmlsec1", "--verify", "--enabled-key-data", "x509", "--insecure",
		"--id-attr:Id", "SignedProperties", file).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// verify checks a signature as KSeF does, as far as KSeF's checks are known.
func verify(t *testing.T, document []byte) error {
	t.Helper()
	return errors.Join(rules(document), xmlsec(t, document))
}

// The test checks verify itself, with signatures that another implementation made. They are not
// part of this repository.
func TestVerify_ForeignVectors_GoodOnesPassAndBadOnesDoNot(t *testing.T) {
	folder := os.Getenv("KSEF_MF_VECTORS")
	if folder == "" {
		t.Skip("KSEF_MF_VECTORS names no folder with signed documents (good-*.xml, bad-*.xml)")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*-*.xml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s: %v", folder, err)
	}
	for _, file := range files {
		document, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		good := strings.HasPrefix(filepath.Base(file), "good-")
		if err := verify(t, document); (err == nil) != good {
			t.Errorf("%s: verifying gives %v; want no error: %v", filepath.Base(file), err, good)
		}
	}
}

// wellFormed reads the document to its end, and returns an error if it is not well-formed XML.
func wellFormed(document []byte) error {
	d := xml.NewDecoder(bytes.NewReader(document))
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
