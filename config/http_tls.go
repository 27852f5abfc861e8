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
// cannot be used, the last valid certificate is served.
//
// tell is called once for each thing that is wrong: the files cannot be used, or their certificate
// ends soon or has ended. tell is called with nil when all is well again. Config calls tell at
// first, and later the connection that finds out calls it. No two calls run at the same time. tell
// may be nil. Errors name the files, never their content.
func (t HTTPTLS) Config(tell func(error)) (*tls.Config, error) { return t.config("http.tls", tell) }

// TLSConfig is [HTTPTLS.Config] for the listener of enqueue serve.
func (h IntakeHTTP) TLSConfig(tell func(error)) (*tls.Config, error) {
	return h.TLS.config("intake.http.tls", tell)
}

func (t HTTPTLS) config(setting string, tell func(error)) (*tls.Config, error) {
	if !t.Enabled() {
		return nil, nil
	}
	if tell == nil {
		tell = func(error) {}
	}
	c := &certificate{files: t, setting: setting, tell: tell}
	if err := c.read(); err != nil {
		return nil, err
	}
	c.say(nil)
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

// certificate holds the names of the files, and the certificate and key that were last read from
// them. Safe for concurrent use.
type certificate struct {
	files   HTTPTLS
	setting string // for errors
	tell    func(error)

	mu      sync.Mutex
	changed [2]time.Time
	pair    *tls.Certificate
	told    string // the last error that tell got; "" when all was well
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var fault error
	if c.times() != c.changed {
		if err := c.read(); err != nil {
			fault = fmt.Errorf("%w; the previous certificate is still served", err)
		}
	}
	c.say(fault)
	return c.pair, nil
}

// say calls tell with what is wrong, unless tell got the same in its last call. fault is what is
// wrong with the files; nil when they can be used.
func (c *certificate) say(fault error) {
	if fault == nil {
		fault = c.files.ending(c.setting, c.pair.Leaf.NotAfter, time.Now())
	}
	text := ""
	if fault != nil {
		text = fault.Error()
	}
	if text != c.told {
		c.told = text
		c.tell(fault)
	}
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
