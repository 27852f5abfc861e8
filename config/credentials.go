package config

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"ksefworker/internal/pemkey"
)

// Transport is a way to KSeF.
type Transport string

// The ways.
const (
	GatewayTransport Transport = "gateway" // through ksefapi.pl
	DirectTransport  Transport = "direct"  // KSeF's own API
)

// Way returns the tenant's transport, which is the gateway unless another is set.
func (t Tenant) Way() Transport {
	if t.Transport == "" {
		return GatewayTransport
	}
	return t.Transport
}

// LogsInByCertificate reports whether the tenant logs in to KSeF by a certificate, and not by a
// token.
func (t Tenant) LogsInByCertificate() bool { return t.CertificateFile != "" }

// SecretFile is a file that a tenant's credentials are read from.
type SecretFile struct{ Key, Path string } // Key is the name of the setting

// SecretFiles returns the files that are set, in the order of the settings.
func (t Tenant) SecretFiles() []SecretFile {
	all := []SecretFile{
		{"key_file", t.KeyFile}, {"token_file", t.TokenFile}, {"certificate_file", t.CertificateFile},
		{"private_key_file", t.PrivateKeyFile}, {"private_key_password_file", t.PrivateKeyPasswordFile},
	}
	return slices.DeleteFunc(all, func(f SecretFile) bool { return f.Path == "" })
}

// Token reads the KSeF token on each call, so that a replaced one needs no restart. The error names
// the file and says what to do, and never contains the token. Safe for concurrent use.
func (t Tenant) Token() (string, error) {
	if t.TokenFile == "" {
		return "", fmt.Errorf("read KSeF token of tenant %s: no token_file is set", t.Title())
	}
	return readSecret("KSeF token of tenant "+t.Title(), t.TokenFile)
}

// Certificate reads the certificate and the private key that belongs to it on each call, so that
// replaced files need no restart. Decrypting a key can take a noticeable part of a second. The
// error names the file and says what to do. Safe for concurrent use.
func (t Tenant) Certificate() (*x509.Certificate, crypto.Signer, error) {
	if t.CertificateFile == "" || t.PrivateKeyFile == "" {
		return nil, nil, fmt.Errorf("read certificate of tenant %s: certificate_file and private_key_file are not both set", t.Title())
	}
	what := "certificate of tenant " + t.Title()
	raw, err := readSecretFile(what, t.CertificateFile)
	if err != nil {
		return nil, nil, err
	}
	certs, err := pemkey.Certificates(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: file %s: %w", what, t.CertificateFile, err)
	}
	key, err := t.privateKey()
	if err != nil {
		return nil, nil, err
	}
	cert, err := pemkey.Matching(certs, key)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w: compare %s and %s", what, err, t.PrivateKeyFile, t.CertificateFile)
	}
	return cert, key, nil
}

func (t Tenant) privateKey() (crypto.Signer, error) {
	what := "private key of tenant " + t.Title()
	raw, err := readSecretFile(what, t.PrivateKeyFile)
	if err != nil {
		return nil, err
	}
	var password []byte
	if t.PrivateKeyPasswordFile != "" {
		text, err := readSecret("password of the "+what, t.PrivateKeyPasswordFile)
		if err != nil {
			return nil, err
		}
		password = []byte(text)
	}
	key, err := pemkey.PrivateKey(raw, password)
	switch {
	case errors.Is(err, pemkey.ErrPassword) && password == nil:
		return nil, fmt.Errorf("read %s: file %s is encrypted; name its password in private_key_password_file: %w", what,
			t.PrivateKeyFile, err)
	case err != nil:
		return nil, fmt.Errorf("read %s: file %s: %w", what, t.PrivateKeyFile, err)
	}
	return key, nil
}

// CheckCredentials reads the credentials that the tenant's transport needs.
func (t Tenant) CheckCredentials() error {
	var err error
	switch {
	case t.Way() == GatewayTransport:
		_, err = t.Key()
	case t.LogsInByCertificate():
		_, _, err = t.Certificate()
	default:
		_, err = t.Token()
	}
	return err
}

// checkWay checks the settings of the tenant's transport against each other.
func (t Tenant) checkWay(f *faults, at string, env Environment) {
	switch t.Way() {
	case GatewayTransport:
		t.checkGatewayKey(f, at)
		for _, file := range t.SecretFiles() {
			if file.Key != "key_file" {
				f.add(at+file.Key, file.Path, errors.New("is for transport: direct; the gateway takes key_id and key_file"))
			}
		}
		if env == Demo {
			f.add(at+"transport", string(t.Way()), errors.New("does not lead to environment demo: only transport direct does"))
		}
	case DirectTransport:
		t.checkLogin(f, at)
	default:
		f.add(at+"transport", string(t.Transport), errors.New("is unknown: write gateway or direct"))
	}
}

// checkLogin checks that there is exactly one way to log in.
func (t Tenant) checkLogin(f *faults, at string) {
	if t.KeyID != "" {
		f.add(at+"key_id", "", errors.New("is for transport: gateway; KSeF itself takes a token or a certificate"))
	}
	if t.KeyFile != "" {
		f.add(at+"key_file", t.KeyFile, errors.New("is for transport: gateway; KSeF itself takes a token or a certificate"))
	}
	certificate := t.CertificateFile != "" || t.PrivateKeyFile != ""
	switch {
	case t.TokenFile != "" && certificate:
		f.add(at+"token_file", t.TokenFile, errors.New("goes with no certificate: KSeF takes one of them"))
	case t.TokenFile == "" && !certificate:
		f.add(at+"token_file", "", errors.New("is missing: transport direct needs token_file, or certificate_file and private_key_file"))
	case certificate && t.CertificateFile == "":
		f.add(at+"certificate_file", "", errors.New("is missing: it goes with private_key_file"))
	case certificate && t.PrivateKeyFile == "":
		f.add(at+"private_key_file", "", errors.New("is missing: it goes with certificate_file"))
	}
	if t.PrivateKeyPasswordFile != "" && t.PrivateKeyFile == "" {
		f.add(at+"private_key_password_file", t.PrivateKeyPasswordFile, errors.New("goes with private_key_file"))
	}
}
