package config

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// Config reads the certificate and returns the settings of a listener; nil without a certificate.
// After the files were replaced, the next connection gets the new certificate. While the new files
// cannot be read, the last valid certificate is used. Errors name the files, never their content.
func (t HTTPTLS) Config() (*tls.Config, error) { return t.config("http.tls") }

// TLSConfig is [HTTPTLS.Config] for the listener of enqueue serve.
func (h IntakeHTTP) TLSConfig() (*tls.Config, error) { return h.TLS.config("intake.http.tls") }

func (t HTTPTLS) config(setting string) (*tls.Config, error) {
	if !t.Enabled() {
		return nil, nil
	}
	c := &certificate{files: t, setting: setting}
	if err := c.read(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

// certificate holds the files and the pair that was last read from them. Safe for concurrent use.
type certificate struct {
	files   HTTPTLS
	setting string // for errors

	mu      sync.Mutex
	changed [2]time.Time
	pair    *tls.Certificate
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times() != c.changed {
		_ = c.read() // after a fault, which --check reports, the last pair stays in use
	}
	return c.pair, nil
}

func (c *certificate) read() error {
	changed := c.times()
	key, err := readSecretFile(c.setting+".key_file", c.files.KeyFile)
	if err != nil {
		return err
	}
	chain, err := os.ReadFile(c.files.CertFile)
	if err != nil {
		return fmt.Errorf("read %s.cert_file: %w", c.setting, err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return fmt.Errorf("read %s.cert_file %s and key_file %s: %w", c.setting, c.files.CertFile, c.files.KeyFile, err)
	}
	c.changed, c.pair = changed, &pair
	return nil
}

// times returns when the files were last changed.
func (c *certificate) times() (t [2]time.Time) {
	for i, path := range []string{c.files.CertFile, c.files.KeyFile} {
		if info, err := os.Stat(path); err == nil {
			t[i] = info.ModTime()
		}
	}
	return t
}
