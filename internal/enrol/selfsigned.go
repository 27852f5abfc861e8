package enrol

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"

	"ksefworker/config"
)

var oidOrganizationIdentifier = asn1.ObjectIdentifier{2, 5, 4, 97}

// SelfSigned makes a certificate in the form of a company's seal. Only KSeF's test environment
// takes such a certificate. SelfSigned writes the certificate and its key to the tenant's
// certificate_file and private_key_file. Neither file may exist. name is the company's name; ""
// means a name made from the NIP. now is the present time. life is how long the certificate is
// valid from then on.
func SelfSigned(cfg config.Config, t config.Tenant, name string, life time.Duration, now time.Time) (*x509.Certificate, error) {
	switch {
	case cfg.Environment != config.Test && cfg.Environment != config.Custom:
		return nil, fmt.Errorf("environment %s takes no self-made certificate: only test and custom do", cfg.Environment)
	case t.CertificateFile == "" || t.PrivateKeyFile == "":
		return nil, fmt.Errorf("tenant %s needs certificate_file and private_key_file in the configuration: the new certificate and key are written there",
			t.Title())
	case t.CertificateFile == t.PrivateKeyFile:
		return nil, fmt.Errorf("tenant %s has certificate and key in one file: name two", t.Title())
	case name == "":
		name = "Test " + t.NIP
	}
	key, err := newKey(t.PrivateKeyFile)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: now.Add(-time.Hour), // KSeF's clock may be behind
		NotAfter:  now.Add(life),
		Subject: pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: asn1.ObjectIdentifier{2, 5, 4, 6}, Value: "PL"},
			{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: name},
			{Type: oidOrganizationIdentifier, Value: "VATPL-" + t.NIP},
			{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: name},
		}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	return cert, errors.Join(err, create(t.CertificateFile, certificatePEM(der), 0o644))
}
