package config

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// Config reads the certificate and returns what a listener needs; nil without one. When the files were
// replaced the next connection has the new certificate. As long as what is there now cannot be read,
// the last one that could is served. Errors name the files, never a content.
func (t HTTPTLS) Config() (*tls.Config, error) {
	if !t.Enabled() {
		return nil, nil
	}
	c := &certificate{files: t}
	if err := c.read(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

// certificate is what the files held when they were last read. Safe for concurrent use.
type certificate struct {
	files HTTPTLS

	mu      sync.Mutex
	changed [2]time.Time
	pair    *tls.Certificate
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times() != c.changed {
		_ = c.read() // --check tells what is wrong with them; meanwhile the last pair serves
	}
	return c.pair, nil
}

func (c *certificate) read() error {
	changed := c.times()
	key, err := readSecretFile("http.tls.key_file", c.files.KeyFile)
	if err != nil {
		return err
	}
	chain, err := os.ReadFile(c.files.CertFile)
	if err != nil {
		return fmt.Errorf("read http.tls.cert_file: %w", err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return fmt.Errorf("read http.tls.cert_file %s and key_file %s: %w", c.files.CertFile, c.files.KeyFile, err)
	}
	c.changed, c.pair = changed, &pair
	return nil
}

func (c *certificate) times() (t [2]time.Time) {
	for i, path := range []string{c.files.CertFile, c.files.KeyFile} {
		if info, err := os.Stat(path); err == nil {
			t[i] = info.ModTime()
		}
	}
	return t
}
