package direct

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/lenient"
)

// CertificateType is what a certificate of KSeF may be used for. One certificate has one use.
type CertificateType string

// The types.
const (
	Authentication CertificateType = "Authentication" // logs in
	OfflineKind    CertificateType = "Offline"        // signs the code of an offline invoice (KOD II)
)

// CertificateLimits tell how many certificates the subject may still request (EnrollmentsLeft of
// Enrollments), and how many more it may have (Left of Total).
type CertificateLimits struct {
	CanRequest                                bool
	EnrollmentsLeft, Enrollments, Left, Total int
}

type certificateLimitsWire struct {
	CanRequest  lenient.Bool `json:"canRequest"`
	Enrollment  limitWire    `json:"enrollment"`
	Certificate limitWire    `json:"certificate"`
}

type limitWire struct {
	Remaining lenient.Int `json:"remaining"`
	Limit     lenient.Int `json:"limit"`
}

// CertificateLimits returns how many certificates the subject may still get.
func (a Account) CertificateLimits(ctx context.Context) (CertificateLimits, error) {
	var w certificateLimitsWire
	k := get("read limits of certificates", ksef.GroupCertificates, "/certificates/limits")
	if err := a.do(ctx, k, func(r *httponce.Answer) error { return r.JSON(&w) }); err != nil {
		return CertificateLimits{}, err
	}
	return CertificateLimits{CanRequest: w.CanRequest.On, EnrollmentsLeft: int(w.Enrollment.Remaining),
		Enrollments: int(w.Enrollment.Limit), Left: int(w.Certificate.Remaining), Total: int(w.Certificate.Limit)}, nil
}

// EnrollmentData are the parts of the subject's name. A request for a certificate must have exactly
// these; "" is left out.
type EnrollmentData struct {
	CommonName             string `json:"commonName"`
	CountryName            string `json:"countryName"`
	GivenName              string `json:"givenName"`
	Surname                string `json:"surname"`
	SerialNumber           string `json:"serialNumber"`
	UniqueIdentifier       string `json:"uniqueIdentifier"`
	OrganizationName       string `json:"organizationName"`
	OrganizationIdentifier string `json:"organizationIdentifier"`
}

// EnrollmentData returns the name that KSeF will certify. KSeF does not tell it to a login by
// token.
func (a Account) EnrollmentData(ctx context.Context) (EnrollmentData, error) {
	var d EnrollmentData
	k := get("ask for the certificate's name", ksef.GroupCertificates, "/certificates/enrollments/data")
	err := a.do(ctx, k, func(r *httponce.Answer) error {
		return r.Checked(&d, func() error { return missing("commonName", d.CommonName) })
	})
	if err != nil {
		return EnrollmentData{}, err
	}
	return d, nil
}

type enrollWire struct {
	CertificateName string          `json:"certificateName"`
	CertificateType CertificateType `json:"certificateType"`
	CSR             []byte          `json:"csr"`
}

// Enroll asks for a certificate by a PKCS#10 request in DER and returns the reference of the
// request. name is for people, 5 to 100 characters.
func (a Account) Enroll(ctx context.Context, name string, kind CertificateType, csr []byte) (reference string, err error) {
	k := post("request a certificate", ksef.GroupCertificates, "/certificates/enrollments", enrollWire{name, kind, csr})
	if n := len([]rune(strings.TrimSpace(name))); n < 5 || n > 100 {
		k = k.Bad(fmt.Errorf("certificateName has %d characters, must have 5 to 100", n))
	}
	if len(csr) == 0 {
		k = k.Bad(errors.New("csr is required"))
	}
	return a.make(ctx, k)
}

// Enrollment is the state of a request for a certificate.
type Enrollment struct {
	Status       ksef.StatusInfo
	SerialNumber string // set when the certificate is issued
}

type enrollmentWire struct {
	Status                  ksef.StatusInfo `json:"status"`
	CertificateSerialNumber lenient.Name    `json:"certificateSerialNumber"`
}

// EnrollmentStatus returns the state of a request for a certificate. KSeF tells it for 30 days.
func (a Account) EnrollmentStatus(ctx context.Context, reference string) (Enrollment, error) {
	var w enrollmentWire
	k := get("ask for the certificate's status", ksef.GroupCertificates, "/certificates/enrollments/%s", reference)
	err := a.do(ctx, k, func(r *httponce.Answer) error {
		return r.Checked(&w, func() error { return w.Status.Check() })
	})
	if err != nil {
		return Enrollment{}, err
	}
	return Enrollment{w.Status, string(w.CertificateSerialNumber)}, nil
}

type retrieveWire struct {
	CertificateSerialNumbers []string `json:"certificateSerialNumbers"`
}

type retrievedWire struct {
	Certificates []struct {
		Certificate []byte       `json:"certificate"`
		Serial      lenient.Name `json:"certificateSerialNumber"`
	} `json:"certificates"`
}

// RetrieveCertificate fetches an issued certificate.
func (a Account) RetrieveCertificate(ctx context.Context, serial string) (*x509.Certificate, error) {
	var w retrievedWire
	var cert *x509.Certificate
	k := post("fetch the certificate", ksef.GroupCertificates, "/certificates/retrieve", retrieveWire{[]string{serial}}).
		Bad(httponce.Required("certificateSerialNumber", serial))
	err := a.do(ctx, k, func(r *httponce.Answer) error {
		return r.Checked(&w, func() (err error) {
			if len(w.Certificates) != 1 {
				return fmt.Errorf("answer has %d certificates", len(w.Certificates))
			}
			cert, err = x509.ParseCertificate(w.Certificates[0].Certificate)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return cert, nil
}

// CertificateFilter narrows a list of certificates. A field that is "" does not narrow it.
type CertificateFilter struct {
	SerialNumber string          `json:"certificateSerialNumber,omitempty"`
	Name         string          `json:"name,omitempty"`
	Type         CertificateType `json:"type,omitempty"`
	Status       string          `json:"status,omitempty"` // Active, Blocked, Revoked, Expired
}

// ListedCertificate is a certificate in a list.
type ListedCertificate struct {
	SerialNumber lenient.Name `json:"certificateSerialNumber"`
	Name         lenient.Text `json:"name"`
	Type         lenient.Text `json:"type"`
	CommonName   lenient.Text `json:"commonName"`
	Status       lenient.Text `json:"status"`
	ValidFrom    ksef.Time    `json:"validFrom"`
	ValidTo      ksef.Time    `json:"validTo"`
}

type certificatesWire struct {
	Certificates *[]ListedCertificate `json:"certificates"`
	HasMore      lenient.Bool         `json:"hasMore"`
}

// QueryCertificates lists the subject's certificates, one page of 50. page counts from 0.
func (a Account) QueryCertificates(ctx context.Context, f CertificateFilter, page int) (list []ListedCertificate, more bool, err error) {
	var w certificatesWire
	k := query(post("list certificates", ksef.GroupCertificates, "/certificates/query", f), "pageOffset", strconv.Itoa(page),
		"pageSize", "50")
	err = a.do(ctx, k, func(r *httponce.Answer) error {
		return r.Checked(&w, func() error {
			if w.Certificates == nil {
				return errors.New("answer has no list of certificates")
			}
			return nil
		})
	})
	if err != nil {
		return nil, false, err
	}
	return *w.Certificates, w.HasMore.On, nil
}
