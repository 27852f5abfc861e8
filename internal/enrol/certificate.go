package enrol

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"ksefworker/config"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/direct"
	"ksefworker/internal/pemkey"
)

// ErrNotReady says that KSeF has not issued the certificate yet.
var ErrNotReady = errors.New("KSeF has not issued the certificate yet")

// Request asks KSeF for a login certificate for the subject that is logged in now. It returns the
// reference of the request. name is for people. dir is a folder for the new files. If dir is "",
// the files are written beside the tenant's present files, which they will replace. When it is not
// known whether KSeF took the request, the new key is kept.
func Request(ctx context.Context, cfg config.Config, t config.Tenant, a direct.Account, name, dir string) (reference string, err error) {
	f, err := filesOf(t, dir)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(f.request); err == nil {
		return "", fmt.Errorf("a certificate was requested already (%s): ask for its status, or fetch it", f.request)
	}
	limits, err := a.CertificateLimits(ctx)
	if err != nil {
		return "", err
	}
	if !limits.CanRequest {
		return "", fmt.Errorf("KSeF takes no more requests from this subject: %d of %d requests and %d of %d certificates are left",
			limits.EnrollmentsLeft, limits.Enrollments, limits.Left, limits.Total)
	}
	data, err := a.EnrollmentData(ctx)
	if err != nil {
		return "", err
	}
	key, err := newKey(f.key)
	if err != nil {
		return "", err
	}
	csr, err := request(data, key)
	if err == nil {
		reference, err = a.Enroll(ctx, name, direct.Authentication, csr)
	}
	if err != nil {
		if e, ok := errors.AsType[*ksef.APIError](err); !ok || !e.MaybeDone {
			err = errors.Join(err, os.Remove(f.key)) // nothing was requested for it
		}
		return "", err
	}
	raw, err := json.Marshal(pending{Reference: reference, Environment: string(cfg.Environment), NIP: t.NIP})
	if err == nil {
		err = create(f.request, raw, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("the certificate was requested, but its reference %s could not be written to a file: %w", reference, err)
	}
	return reference, nil
}

// request returns a PKCS#10 request. KSeF wants exactly the parts of the subject's name that d has
// from KSeF.
func request(d direct.EnrollmentData, key *ecdsa.PrivateKey) ([]byte, error) {
	var name []pkix.AttributeTypeAndValue
	for _, part := range []struct {
		oid   asn1.ObjectIdentifier
		value string
	}{
		{asn1.ObjectIdentifier{2, 5, 4, 3}, d.CommonName},
		{asn1.ObjectIdentifier{2, 5, 4, 4}, d.Surname},
		{asn1.ObjectIdentifier{2, 5, 4, 42}, d.GivenName},
		{asn1.ObjectIdentifier{2, 5, 4, 10}, d.OrganizationName},
		{oidOrganizationIdentifier, d.OrganizationIdentifier},
		{asn1.ObjectIdentifier{2, 5, 4, 6}, d.CountryName},
		{asn1.ObjectIdentifier{2, 5, 4, 5}, d.SerialNumber},
		{asn1.ObjectIdentifier{2, 5, 4, 45}, d.UniqueIdentifier},
	} {
		if part.value != "" {
			name = append(name, pkix.AttributeTypeAndValue{Type: part.oid, Value: part.value})
		}
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{ExtraNames: name}, SignatureAlgorithm: x509.ECDSAWithSHA256}, key)
	if err != nil {
		return nil, fmt.Errorf("write the request for a certificate: %w", err)
	}
	return csr, nil
}

// Status asks for the state of the request that [Request] made.
func Status(ctx context.Context, cfg config.Config, t config.Tenant, a direct.Account, dir string) (direct.Enrollment, error) {
	f, err := filesOf(t, dir)
	if err != nil {
		return direct.Enrollment{}, err
	}
	p, err := f.pending(cfg, t)
	if err != nil {
		return direct.Enrollment{}, err
	}
	return a.EnrollmentStatus(ctx, p.Reference)
}

// Fetch fetches the certificate that was requested, and proves that it belongs to the new key. When
// dir is "", certificate and key then replace the tenant's present files, which are kept as
// .previous. Otherwise they stay in dir. Running workers need no restart. installed reports whether
// the present files were replaced. Fetch returns [ErrNotReady] while KSeF works on the request.
func Fetch(ctx context.Context, cfg config.Config, t config.Tenant, a direct.Account, dir string) (
	cert *x509.Certificate, installed bool, err error,
) {
	f, err := filesOf(t, dir)
	if err != nil {
		return nil, false, err
	}
	e, err := Status(ctx, cfg, t, a, dir)
	switch {
	case err != nil:
		return nil, false, err
	case e.Status.Processing():
		return nil, false, ErrNotReady
	case !e.Status.Done():
		return nil, false, fmt.Errorf("KSeF refused the request: %d %s %s; remove %s and %s, then request again",
			e.Status.Code, e.Status.Description, e.Status.Details, f.request, f.key)
	}
	if cert, err = a.RetrieveCertificate(ctx, e.SerialNumber); err != nil {
		return nil, false, err
	}
	raw, err := os.ReadFile(f.key)
	if err != nil {
		return nil, false, fmt.Errorf("read the new private key: %w", err)
	}
	key, err := pemkey.PrivateKey(raw, nil)
	if err != nil {
		return nil, false, fmt.Errorf("read the new private key %s: %w", f.key, err)
	}
	if _, err := pemkey.Matching([]*x509.Certificate{cert}, key); err != nil {
		return nil, false, fmt.Errorf("KSeF issued a certificate of another key than %s: %w", f.key, err)
	}
	_ = os.Remove(f.cert) // left by a fetch that broke off
	if err := create(f.cert, certificatePEM(cert.Raw), 0o644); err != nil {
		return nil, false, err
	}
	if f.install {
		if err := f.replace(t); err != nil {
			return nil, false, err
		}
	}
	if err := os.Remove(f.request); err != nil {
		return nil, f.install, fmt.Errorf("the certificate was fetched, but its request file could not be removed: %w", err)
	}
	return cert, f.install, nil
}
