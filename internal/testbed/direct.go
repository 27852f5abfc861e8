package testbed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"ksefworker/config"
	"ksefworker/internal/simulator/ministry"
)

// Token returns the KSeF token of a taxpayer at the simulator's version of the Ministry's API. It
// has the form of KSeF's tokens, and is easy to recognise in a log.
func Token(nip string) string {
	sum := sha256.Sum256([]byte("token of " + nip))
	return "20261126-EC-" + nip + "-DEMO000000-00|nip-" + nip + "|" + hex.EncodeToString(sum[:])
}

// Tokens returns the tokens of taxpayers, for [ministry.Options].
func Tokens(nips ...string) []ministry.Token {
	tokens := make([]ministry.Token, len(nips))
	for i, nip := range nips {
		tokens[i] = ministry.Token{NIP: nip, Secret: Token(nip)}
	}
	return tokens
}

// GoDirect changes the configuration so that these tenants go straight to KSeF, each with its Token
// in a file. The bed needs Options.Direct with the same Tokens.
func (b *Bed) GoDirect(c *config.Config, nips ...string) error {
	c.Direct.URL = b.directURL
	for _, nip := range nips {
		file := filepath.Join(b.dir, "token-"+nip)
		text := []byte(Token(nip) + "\n")
		// A file that has the text already is left alone. A worker may be reading it, and a file
		// that is written again is empty for a moment.
		if present, err := os.ReadFile(file); err != nil || !bytes.Equal(present, text) {
			if err := os.WriteFile(file, text, 0o600); err != nil {
				return fmt.Errorf("write a token: %w", err)
			}
		}
		b.logIn(c, nip, config.Tenant{TokenFile: file})
	}
	return nil
}

// GoDirectByCertificate is like GoDirect, for one tenant that logs in with a certificate. The
// certificate is in the file NIP-cert.pem of the bed's folder, and its key in NIP-key.pem. The
// caller makes both files.
func (b *Bed) GoDirectByCertificate(c *config.Config, nip string) {
	c.Direct.URL = b.directURL
	b.logIn(c, nip, config.Tenant{
		CertificateFile: filepath.Join(b.dir, nip+"-cert.pem"), PrivateKeyFile: filepath.Join(b.dir, nip+"-key.pem"),
	})
}

// logIn puts the credentials of login in the place of the gateway's.
func (b *Bed) logIn(c *config.Config, nip string, login config.Tenant) {
	for i := range c.Tenants {
		if t := &c.Tenants[i]; t.NIP == nip {
			t.Transport, t.KeyID, t.KeyFile = config.DirectTransport, "", ""
			t.TokenFile, t.CertificateFile, t.PrivateKeyFile = login.TokenFile, login.CertificateFile, login.PrivateKeyFile
		}
	}
}
