package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/sample"
)

// A renewal of the certificate went wrong: the new certificate does not belong to the key. The old
// certificate is served until the next renewal.
func TestServe_RenewedCertificateDoesNotMatchItsKey_IsLoggedOnceAndTheOldOneIsServed(t *testing.T) {
	s := newSite(t)
	pair := func(cert, key string) {
		t.Helper()
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(1, 0, 0)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := x509.MarshalECPrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		s.write(cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
		s.write(key, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})))
	}
	pair("cert", "key.pem")
	s.listener = fmt.Sprintf(", tls: {cert_file: %q, key_file: %q}", filepath.Join(s.dir, "cert"), filepath.Join(s.dir, "key.pem"))
	s.intake = fmt.Sprintf(`clients: [{name: erp, key_file: %q, tenants: [%q]}]`, s.write("erp", strings.Repeat("k", 32)), sample.NIP(0))
	serving := s.start("serve")
	address := strings.TrimPrefix(serving.address(), "https://")
	served := func() string {
		t.Helper()
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return string(conn.ConnectionState().PeerCertificates[0].Raw)
	}
	first := served()
	pair("cert", "other-key.pem")
	serving.until("the fault is found out", func() bool {
		if served() != first {
			t.Fatal("another certificate is served, want the one from before")
		}
		return strings.Contains(serving.stderr.String(), "private key does not match public key; the previous certificate is still served")
	})
	served()
	if n := strings.Count(serving.stderr.String(), "needs a person"); n != 1 {
		t.Errorf("the log names the fault %d times, want once: %s", n, serving.stderr.String())
	}
	pair("cert", "key.pem")
	serving.until("the next certificate is served", func() bool { return served() != first })
	serving.logs("the certificate (intake.http.tls) is well again")
	serving.end()
}
