package ministry

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"net/http"
	"sync"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/certificates"
	"ksefworker/internal/simulator/login"
)

// keys are the two public keys in force. A rotation of the simulator's key replaces both at once, as
// in an emergency.
type keys struct {
	mu       sync.Mutex
	sessions []byte // DER SubjectPublicKeyInfo of the key that encrypts the keys of sessions
	tokens   *rsa.PrivateKey
	shown    []publicKey
	ids      [2][]byte // publicKeyId for sessions and for tokens
}

type publicKey struct {
	Certificate   string   `json:"certificate"`
	CertificateID string   `json:"certificateId"`
	KeyID         string   `json:"publicKeyId"`
	From          string   `json:"validFrom"`
	To            string   `json:"validTo"`
	Usage         []string `json:"usage"`
}

// currentKeys returns the keys in force, made anew when the simulator's key has changed.
func (m *Ministry) currentKeys() ([]publicKey, error) {
	m.keys.mu.Lock()
	defer m.keys.mu.Unlock()
	sessions := m.face.PublicKey()
	if bytes.Equal(sessions, m.keys.sessions) {
		return m.keys.shown, nil
	}
	tokens, err := rsa.GenerateKey(rand.Reader, m.face.KeyBits())
	if err != nil {
		return nil, fmt.Errorf("make key for tokens: %w", err)
	}
	tokenDER, err := x509.MarshalPKIXPublicKey(&tokens.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("write key for tokens: %w", err)
	}
	var shown []publicKey
	from := m.face.Now().Add(-24 * time.Hour)
	to := from.AddDate(2, 0, 0)
	for _, k := range []struct {
		der   []byte
		usage string
	}{{tokenDER, "KsefTokenEncryption"}, {sessions, "SymmetricKeyEncryption"}} {
		public, err := x509.ParsePKIXPublicKey(k.der)
		if err != nil {
			return nil, fmt.Errorf("read public key: %w", err)
		}
		certificate, err := m.office.Certify("Symulator KSeF "+k.usage, public, from, to)
		if err != nil {
			return nil, fmt.Errorf("certify public key: %w", err)
		}
		certificateID, keyID := sha256.Sum256(certificate), sha256.Sum256(k.der)
		shown = append(shown, publicKey{
			base64Of(certificate), base64Of(certificateID[:]), base64Of(keyID[:]), timestamp(from), timestamp(to), []string{k.usage},
		})
	}
	m.keys.sessions, m.keys.tokens, m.keys.shown = sessions, tokens, shown
	sessionID, tokenID := sha256.Sum256(sessions), sha256.Sum256(tokenDER)
	m.keys.ids = [2][]byte{sessionID[:], tokenID[:]}
	return shown, nil
}

// publicKeys lists the keys, and now and then one for a usage that does not exist yet.
func (m *Ministry) publicKeys(*call) (simulator.Reply, *problem) {
	shown, err := m.currentKeys()
	if err != nil {
		return simulator.Reply{}, &problem{status: http.StatusInternalServerError, detail: err.Error()}
	}
	if m.novel(1) {
		future := shown[0]
		future.Usage = []string{"ArchiveEncryption"}
		shown = append([]publicKey{future}, shown...)
	}
	return m.json(http.StatusOK, shown), nil
}

// checkKeyID refuses an id that is not that of the key for sessions; nil is no id.
func (m *Ministry) checkKeyID(id []byte) *problem {
	if _, err := m.currentKeys(); err != nil {
		return &problem{status: http.StatusInternalServerError, detail: err.Error()}
	}
	m.keys.mu.Lock()
	defer m.keys.mu.Unlock()
	if id != nil && !bytes.Equal(id, m.keys.ids[0]) {
		return keyUnknown(base64Of(id))
	}
	return nil
}

// decryptToken is login.Options.Decrypt: RSA-OAEP with SHA-256 for hash and mask, without a label.
func (m *Ministry) decryptToken(keyID, encrypted []byte) ([]byte, error) {
	if _, err := m.currentKeys(); err != nil {
		return nil, err
	}
	m.keys.mu.Lock()
	defer m.keys.mu.Unlock()
	if keyID != nil && !bytes.Equal(keyID, m.keys.ids[1]) {
		return nil, login.ErrKeyUnknown
	}
	return rsa.DecryptOAEP(sha256.New(), nil, m.keys.tokens, encrypted, nil)
}

// issuer lets the login desk ask the certificate office.
type issuer struct{ office *certificates.Office }

func (i issuer) Issued(c *x509.Certificate) (login.Identity, string, bool) {
	owner, refusal, ours := i.office.Issued(c)
	return login.Identity(owner), refusal, ours
}
