package ministry

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"ksefworker/internal/simulator/xades/xadestest"
)

type tokens struct {
	Access  tokenInfo `json:"accessToken"`
	Refresh tokenInfo `json:"refreshToken"`
}

type begunLogin struct {
	Reference string    `json:"referenceNumber"`
	Token     tokenInfo `json:"authenticationToken"`
}

func (r *rig) challengeText() (reference string, millis int64) {
	r.t.Helper()
	var c struct {
		Challenge string `json:"challenge"`
		Millis    int64  `json:"timestampMs"`
	}
	r.ok(r.post("/auth/challenge", nil), http.StatusOK, &c)
	return c.Challenge, c.Millis
}

// sign begins a login with a signed request.
func (r *rig) sign(s xadestest.Signer, nip string, o xadestest.Options) answer {
	r.t.Helper()
	challenge, _ := r.challengeText()
	o.At = r.clock.now()
	document := s.Sign(r.t, xadestest.Request(challenge, "Nip", nip, "certificateSubject"), o)
	return r.do(http.MethodPost, "/v2/auth/xades-signature?verifyCertificateChain=false", xmlType, document)
}

// sendToken begins a login with an encrypted token.
func (r *rig) sendToken(nip, secret string, millis int64, challenge string) answer {
	r.t.Helper()
	key, id := r.key("KsefTokenEncryption")
	encrypted, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key, fmt.Appendf(nil, "%s|%d", secret, millis), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.post("/auth/ksef-token", m{
		"challenge": challenge, "contextIdentifier": m{"type": "Nip", "value": nip}, "encryptedToken": encrypted, "publicKeyId": id,
	})
}

// key returns the public key for a usage, and the id of this key.
func (r *rig) key(usage string) (*rsa.PublicKey, string) {
	r.t.Helper()
	var all []publicKey
	var certificate []byte
	r.ok(r.get("/security/public-key-certificates"), http.StatusOK, &all)
	for _, k := range all {
		if k.Usage[0] != usage {
			continue
		}
		if err := json.Unmarshal([]byte(`"`+k.Certificate+`"`), &certificate); err != nil {
			r.t.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(certificate)
		if err != nil {
			r.t.Fatal(err)
		}
		sum := sha256.Sum256(parsed.RawSubjectPublicKeyInfo)
		if base64Of(sum[:]) != k.KeyID {
			r.t.Errorf("publicKeyId of %s is not the hash of its key", usage)
		}
		return parsed.PublicKey.(*rsa.PublicKey), k.KeyID
	}
	r.t.Fatalf("the list of keys has none for %s", usage)
	return nil, ""
}

// state returns the status of a login.
func (r *rig) state(b begunLogin) (code int, details string) {
	r.t.Helper()
	var s struct {
		Status statusInfo `json:"status"`
	}
	r.ok(r.with(b.Token.Token).get("/auth/"+b.Reference), http.StatusOK, &s)
	return s.Status.Code, strings.Join(s.Status.Details, " ")
}

// redeemed redeems the tokens of the login that the answer a has begun.
func (r *rig) redeemed(a answer) tokens {
	r.t.Helper()
	var b begunLogin
	r.ok(a, http.StatusAccepted, &b)
	var got tokens
	r.ok(r.with(b.Token.Token).post("/auth/token/redeem", nil), http.StatusOK, &got)
	return got
}

// loggedIn logs in with a self-signed seal, and returns the rig with the access token.
func (r *rig) loggedIn(nip string) *rig {
	r.t.Helper()
	s := xadestest.Seal(r.t, nip, r.clock.now().Add(-time.Hour))
	return r.with(r.redeemed(r.sign(s, nip, xadestest.Options{})).Access.Token)
}
