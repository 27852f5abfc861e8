package ministry

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/certificates"
	"ksefworker/internal/simulator/login"
)

// keys are the public keys in force: one for tokens, and one for sessions. After a planned rotation
// there are two for sessions. Any rotation of the simulator's key replaces the key for tokens at
// once.
type keys struct {
	mu       sync.Mutex
	sessions []byte   // DER of the current key for sessions, by which a rotation is noticed
	ids      [][]byte // publicKeyId of the keys for sessions
	tokens   *rsa.PrivateKey
	tokenID  []byte
	shown    []publicKey
}

type publicKey struct {
	Certificate   string   `json:"certificate"`
	CertificateID string   `json:"certificateId"`
	KeyID         string   `json:"publicKeyId"`
	From          string   `json:"validFrom"`
	To            string   `json:"validTo"`
	Usage         []string `json:"usage"`
}

// currentKeys returns the keys in force. It makes them again when the simulator's key has changed.
func (m *Ministry) currentKeys() ([]publicKey, error) {
	m.keys.mu.Lock()
	defer m.keys.mu.Unlock()
	sessions, former := m.face.PublicKeys()
	if bytes.Equal(sessions, m.keys.sessions) {
		return m.keys.shown, nil
	}
	tokens, err := m.face.NewKey()
	if err != nil {
		return nil, fmt.Errorf("make key for tokens: %w", err)
	}
	tokenDER, err := x509.MarshalPKIXPublicKey(&tokens.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("write key for tokens: %w", err)
	}
	now := m.face.Now()
	var shown []publicKey
	var ids [][]byte
	for _, k := range []struct {
		der   []byte
		usage string
		from  time.Time
	}{
		{tokenDER, "KsefTokenEncryption", now.Add(-24 * time.Hour)},
		// The older key is listed first, so a client has to choose the key whose validity begins
		// later.
		{former, "SymmetricKeyEncryption", now.Add(-48 * time.Hour)},
		{sessions, "SymmetricKeyEncryption", now.Add(-24 * time.Hour)},
	} {
		if k.der == nil {
			continue
		}
		entry, id, err := m.certified(k.der, k.usage, k.from)
		if err != nil {
			return nil, err
		}
		shown = append(shown, entry)
		if k.usage == "SymmetricKeyEncryption" {
			ids = append(ids, id)
		}
	}
	tokenID := sha256.Sum256(tokenDER)
	m.keys.sessions, m.keys.ids, m.keys.tokens, m.keys.tokenID, m.keys.shown = sessions, ids, tokens, tokenID[:], shown
	return shown, nil
}

// certified returns the entry of a key in the list, with a certificate for it, and the id of the
// key.
func (m *Ministry) certified(der []byte, usage string, from time.Time) (entry publicKey, id []byte, err error) {
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return entry, nil, fmt.Errorf("read public key: %w", err)
	}
	to := from.AddDate(2, 0, 0)
	certificate, err := m.office.Certify("Symulator KSeF "+usage, public, from, to)
	if err != nil {
		return entry, nil, fmt.Errorf("certify public key: %w", err)
	}
	certificateID, keyID := sha256.Sum256(certificate), sha256.Sum256(der)
	return publicKey{
		base64Of(certificate), base64Of(certificateID[:]), base64Of(keyID[:]), timestamp(from), timestamp(to), []string{usage},
	}, keyID[:], nil
}

// publicKeys lists the keys, and now and then one for a usage that does not exist yet.
func (m keyOps) publicKeys(*call) (simulator.Reply, *problem) {
	shown, err := m.currentKeys()
	if err != nil {
		return simulator.Reply{}, &problem{status: http.StatusInternalServerError, detail: err.Error()}
	}
	if m.novel(1) {
		future := shown[0]
		future.Usage = []string{"ArchiveEncryption"}
		shown = slices.Concat([]publicKey{future}, shown)
	}
	return m.json(http.StatusOK, shown), nil
}

// checkKeyID refuses an id unless a key for sessions that is in force has it. A nil id means that
// the client named no key.
func (m *Ministry) checkKeyID(id []byte) *problem {
	if _, err := m.currentKeys(); err != nil {
		return &problem{status: http.StatusInternalServerError, detail: err.Error()}
	}
	m.keys.mu.Lock()
	defer m.keys.mu.Unlock()
	if id != nil && !slices.ContainsFunc(m.keys.ids, func(known []byte) bool { return bytes.Equal(id, known) }) {
		return keyUnknown(base64Of(id))
	}
	return nil
}

// decryptToken decrypts a token with RSA-OAEP, SHA-256 for hash and mask, and no label. It serves
// as login.Options.Decrypt.
func (m *Ministry) decryptToken(keyID, encrypted []byte) ([]byte, error) {
	if _, err := m.currentKeys(); err != nil {
		return nil, err
	}
	m.keys.mu.Lock()
	defer m.keys.mu.Unlock()
	if keyID != nil && !bytes.Equal(keyID, m.keys.tokenID) {
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
