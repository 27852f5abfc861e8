package connect

import (
	"crypto/x509"
	"os"
	"sync"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ksef/direct"
	"ksefworker/internal/ksef/direct/login"
	"ksefworker/internal/xades"
)

// Credentials are the credentials of one tenant. They are read when they are first needed, and
// again when one of their files has changed. Every request asks whether they can be used, and
// decrypting a private key each time would take longer than the request. Safe for concurrent use.
type Credentials struct {
	tenant config.Tenant
	now    func() time.Time

	mu    sync.Mutex
	files []os.FileInfo // of the secret files, as they were when the credentials were read
	tried time.Time
	read  credentials
}

// credentials are what was read.
type credentials struct {
	err   error
	proof login.Proof       // nil with transport gateway
	cert  *x509.Certificate // nil unless the tenant logs in by certificate
}

// NewCredentials returns the credentials of a tenant. They are read when they are first needed. now
// is the clock; nil means time.Now.
func NewCredentials(t config.Tenant, now func() time.Time) *Credentials {
	if now == nil {
		now = time.Now
	}
	return &Credentials{tenant: t, now: now}
}

// Fault returns why the credentials cannot be used, nil when they can. The error names the file and
// says what to do. It does not quote the file's content.
func (c *Credentials) Fault() error { return c.current().err }

// Proof implements [login.Credential].
func (c *Credentials) Proof() (login.Proof, error) {
	now := c.current()
	return now.proof, now.err
}

// Expires returns when the certificate with which the tenant logs in expires. ok is false when
// there is no certificate or the credentials cannot be used. A key of the gateway and a token of
// KSeF do not say when they expire.
func (c *Credentials) Expires() (at time.Time, ok bool) {
	now := c.current()
	if now.err != nil || now.cert == nil {
		return time.Time{}, false
	}
	return now.cert.NotAfter, true
}

// retryAfter is how soon files that could not be read are read again although they look the same.
// The permissions of the files or of their folder may have been corrected.
const retryAfter = time.Second

func (c *Credentials) current() credentials {
	c.mu.Lock()
	defer c.mu.Unlock()
	files := c.stat()
	fresh := files != nil && same(files, c.files) && (c.read.err == nil || c.now().Sub(c.tried) < retryAfter)
	if fresh {
		return c.read
	}
	c.files, c.tried = files, c.now()
	c.read = load(c.tenant)
	return c.read
}

// stat describes the files as they are now; nil when one of them cannot be read.
func (c *Credentials) stat() []os.FileInfo {
	files := []os.FileInfo{}
	for _, f := range c.tenant.SecretFiles() {
		info, err := os.Stat(f.Path)
		if err != nil {
			return nil
		}
		files = append(files, info)
	}
	return files
}

func same(a, b []os.FileInfo) bool {
	if len(a) != len(b) || len(a) == 0 {
		return false
	}
	for i := range a {
		if !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()) || a[i].Mode() != b[i].Mode() {
			return false
		}
	}
	return true
}

func load(t config.Tenant) credentials {
	switch {
	case t.Way() == config.GatewayTransport:
		_, err := t.Key()
		return credentials{err: err}
	case t.LogsInByCertificate():
		cert, key, err := t.Certificate()
		if err != nil {
			return credentials{err: err}
		}
		signer, err := xades.NewSigner(cert, key)
		if err != nil {
			return credentials{err: err}
		}
		return credentials{proof: login.Certificate{Signer: signer}, cert: cert}
	}
	token, err := t.Token()
	return credentials{err: err, proof: login.Token{Token: direct.NewSecret(token)}}
}
