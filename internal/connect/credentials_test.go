package connect

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ksef/direct/login"
)

// certify writes a certificate and its key into files. The certificate expires at the time at.
func certify(t *testing.T, dir string, at time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: at}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestCredentials_FilesReplaced_AreReadAgainOnlyThen(t *testing.T) {
	dir, soon := t.TempDir(), time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	cert, key := certify(t, dir, soon)
	c := NewCredentials(config.Tenant{NIP: "1", Transport: config.DirectTransport, CertificateFile: cert, PrivateKeyFile: key}, nil)
	first, err := c.Proof()
	if err != nil || c.Fault() != nil {
		t.Fatal(err)
	}
	if again, _ := c.Proof(); again.(login.Certificate).Signer != first.(login.Certificate).Signer {
		t.Error("files that did not change were read again")
	}
	if at, ok := c.Expires(); !ok || !at.Equal(soon) {
		t.Errorf("the certificate expires %v (known %v), want %v", at, ok, soon)
	}
	certify(t, dir, soon.AddDate(1, 0, 0))
	if at, ok := c.Expires(); !ok || !at.Equal(soon.AddDate(1, 0, 0)) {
		t.Errorf("the new certificate expires %v (known %v), want %v", at, ok, soon.AddDate(1, 0, 0))
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if err := c.Fault(); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("the key file is gone, and Fault = %v, want an error that names it", err)
	}
	certify(t, dir, soon)
	if err := c.Fault(); err != nil {
		t.Errorf("the files were corrected, and Fault = %v, want nil", err)
	}
}

func TestCredentials_TokenOrKey_HaveNoExpiry(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	for _, tenant := range []config.Tenant{
		{NIP: "1", Transport: config.DirectTransport, TokenFile: file}, {NIP: "1", KeyID: "a", KeyFile: file},
	} {
		c := NewCredentials(tenant, nil)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.Fault(); err == nil || !strings.Contains(err.Error(), "is empty") {
			t.Errorf("the file is empty, and Fault = %v, want an error that says so", err)
		}
		if err := os.WriteFile(file, []byte("geheim\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.Fault(); err != nil {
			t.Error(err)
		}
		if _, ok := c.Expires(); ok {
			t.Error("Expires gives a time for a token or an API key, want none")
		}
	}
}
