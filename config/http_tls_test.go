package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
)

// pairOf writes a certificate and its key into files. left is the time after which the certificate
// ends.
func pairOf(t *testing.T, files config.HTTPTLS, left time.Duration) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(left)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, files.CertFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	replace(t, files.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}))
}

// replace writes content into a file. It also changes the file's modification time, because a
// changed time shows that the file was replaced.
func replace(t *testing.T, path string, content []byte) {
	t.Helper()
	at := time.Now()
	if info, err := os.Stat(path); err == nil {
		at = info.ModTime().Add(time.Second)
	}
	if err := errors.Join(os.WriteFile(path, content, 0o600), os.Chtimes(path, at, at)); err != nil {
		t.Fatal(err)
	}
}

const year = 365 * 24 * time.Hour

func TestTLS_RenewalCannotBeUsed_IsToldOnceAndTheOldCertificateIsServed(t *testing.T) {
	dir := t.TempDir()
	files := config.HTTPTLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	other := config.HTTPTLS{CertFile: filepath.Join(dir, "other.pem"), KeyFile: filepath.Join(dir, "other-key.pem")}
	pairOf(t, files, year)
	pairOf(t, other, year)
	var told []string
	settings, err := config.IntakeHTTP{TLS: files}.TLSConfig(func(err error) {
		if err == nil {
			err = errors.New("well")
		}
		told = append(told, err.Error())
	})
	if err != nil {
		t.Fatal(err)
	}
	first, err := settings.GetCertificate(nil)
	if err != nil || len(told) != 0 {
		t.Fatalf("with a good certificate the faults told are %q (error %v), want none", told, err)
	}
	good, err := os.ReadFile(files.CertFile)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(other.CertFile)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		spoil func()
		want  string
	}{
		"a certificate of another key": {func() { replace(t, files.CertFile, foreign) }, "private key does not match public key"},
		"no certificate":               {func() { replace(t, files.CertFile, []byte("PEM")) }, "failed to find any PEM data"},
		"no file":                      {func() { _ = os.Remove(files.CertFile) }, "no such file"},
	} {
		told = nil
		c.spoil()
		for range 3 {
			if now, err := settings.GetCertificate(nil); err != nil || now != first {
				t.Errorf("%s: another certificate is served (error %v), want the one from before", what, err)
			}
		}
		if len(told) != 1 || !strings.Contains(told[0], c.want) || !strings.Contains(told[0], files.CertFile) ||
			!strings.Contains(told[0], "intake.http.tls") || !strings.HasSuffix(told[0], "the previous certificate is still served") {
			t.Errorf("%s: the faults told are %q, want one that names file and setting, says %q and ends with the old certificate served",
				what, told, c.want)
		}
		replace(t, files.CertFile, good)
		if first, err = settings.GetCertificate(nil); err != nil || len(told) != 2 || told[1] != "well" {
			t.Errorf("%s, and then corrected: the texts told are %q (error %v), want a second one, which says that all is well",
				what, told, err)
		}
	}
}

func TestTLS_CertificateEnds_IsToldBeforeAndAfter(t *testing.T) {
	dir := t.TempDir()
	files := config.HTTPTLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	for left, want := range map[time.Duration]string{
		15 * 24 * time.Hour: "", 13 * 24 * time.Hour: " ends on ", -time.Minute: " ended on ",
	} {
		pairOf(t, files, left)
		err := files.Check()
		ending, ok := errors.AsType[*config.EndingError](err)
		if ok != (want != "") || ok && (!strings.Contains(err.Error(), want) || ending.Over != (left < 0)) {
			t.Errorf("a certificate that ends in %s: the error is %v, want an EndingError with the text %q, or none if the text is empty",
				left, err, want)
		}
	}
	if err := (config.HTTPTLS{}).Check(); err != nil {
		t.Errorf("without a certificate there is an error: %v", err)
	}
}
