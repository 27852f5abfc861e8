package certificates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"sync"
	"time"
)

// Types of certificates, as the contract names them.
const (
	Authentication = "Authentication"
	Offline        = "Offline"
)

// States of a certificate, as the contract names them.
const (
	Active  = "Active"
	Revoked = "Revoked"
	Expired = "Expired"
)

const (
	validYears = 2
	keepOf     = 30 * 24 * time.Hour // how long the status of a request can be read
)

// Owner is who a certificate belongs to. Type is Nip, Pesel or Fingerprint.
type Owner struct{ Type, Value string }

// limits returns how many requests an owner may make, and how many active certificates it may have.
func (o Owner) limits() (requests, active int) {
	if o.Type == "Nip" {
		return 300, 100
	}
	return 12, 6
}

// Office issues certificates. It is safe for concurrent use.
type Office struct {
	now       func() time.Time
	reference func(kind string) string
	delay     time.Duration
	key       *ecdsa.PrivateKey
	authority *x509.Certificate

	mu       sync.Mutex
	requests map[string]*request
	bySerial map[string]*issued
	order    []*issued
}

// New makes an Office with an authority of its own. Processing a request takes delay. The function
// reference makes a reference number of the given kind.
func New(now func() time.Time, reference func(kind string) string, delay time.Duration) (*Office, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key of the authority: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: named("TEST CCK KSeF"), IsCA: true, BasicConstraintsValid: true,
		NotBefore: now().AddDate(-1, 0, 0), NotAfter: now().AddDate(20, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make certificate of the authority: %w", err)
	}
	authority, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read certificate of the authority: %w", err)
	}
	return &Office{
		now: now, reference: reference, delay: delay, key: key, authority: authority,
		requests: map[string]*request{}, bySerial: map[string]*issued{},
	}, nil
}

// Certify signs a certificate for a public key that belongs to no owner, for example one of KSeF's
// own keys.
func (o *Office) Certify(name string, public any, from, to time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("draw serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: named(name),
		NotBefore: from, NotAfter: to, KeyUsage: x509.KeyUsageKeyEncipherment,
	}
	return x509.CreateCertificate(rand.Reader, template, o.authority, public, o.key)
}

func named(commonName string) pkix.Name {
	return pkix.Name{CommonName: commonName, Organization: []string{"Symulator KSeF"}, Country: []string{"PL"}}
}

// Refusal is an answer with HTTP status 400, with the Ministry's code and texts.
type Refusal struct {
	Code        int
	Description string
	Details     string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%d %s %s", r.Code, r.Description, r.Details) }
