package ministry

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"net/http"
	"time"
)

// secret is a session's key as a client makes it.
type secret struct {
	key, iv, wrapped []byte
	id               string
}

func (r *rig) secret() secret {
	r.t.Helper()
	public, id := r.key("SymmetricKeyEncryption")
	s := secret{key: make([]byte, 32), iv: make([]byte, 16), id: id}
	_, _ = rand.Read(s.key)
	_, _ = rand.Read(s.iv)
	var err error
	if s.wrapped, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, public, s.key, nil); err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (s secret) info() m {
	return m{"encryptedSymmetricKey": s.wrapped, "initializationVector": s.iv, "publicKeyId": s.id}
}

func (s secret) seal(plain []byte) []byte {
	n := 16 - len(plain)%16
	padded := append(append([]byte{}, plain...), bytes.Repeat([]byte{byte(n)}, n)...)
	block, err := aes.NewCipher(s.key)
	if err != nil {
		panic(err)
	}
	cipher.NewCBCEncrypter(block, s.iv).CryptBlocks(padded, padded)
	return padded
}

func formFA3() m { return m{"systemCode": "FA (3)", "schemaVersion": "1-0E", "value": "FA"} }

// hashOf returns the SHA-256 of b.
func hashOf(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// openOnline opens an online session.
func (r *rig) openOnline() (string, secret) {
	r.t.Helper()
	s := r.secret()
	var opened struct {
		Reference string `json:"referenceNumber"`
	}
	r.ok(r.post("/sessions/online", m{"formCode": formFA3(), "encryption": s.info()}), http.StatusCreated, &opened)
	return opened.Reference, s
}

// invoiceBody returns the body of a request that sends the document.
func (s secret) invoiceBody(document string) m {
	sealed := s.seal([]byte(document))
	return m{
		"invoiceHash": hashOf([]byte(document)), "invoiceSize": len(document), "encryptedInvoiceHash": hashOf(sealed),
		"encryptedInvoiceSize": len(sealed), "encryptedInvoiceContent": sealed,
	}
}

func (r *rig) send(session string, s secret, document string) string {
	r.t.Helper()
	var sent struct {
		Reference string `json:"referenceNumber"`
	}
	r.ok(r.post("/sessions/online/"+session+"/invoices", s.invoiceBody(document)), http.StatusAccepted, &sent)
	return sent.Reference
}

type sessionState struct {
	Status statusInfo `json:"status"`
	UPO    *struct {
		Pages []struct {
			Reference string `json:"referenceNumber"`
			URL       string `json:"downloadUrl"`
		} `json:"pages"`
	} `json:"upo"`
	Count   *int `json:"invoiceCount"`
	Success *int `json:"successfulInvoiceCount"`
	Failed  *int `json:"failedInvoiceCount"`
}

func (r *rig) sessionState(id string) sessionState {
	r.t.Helper()
	var s sessionState
	r.ok(r.get("/sessions/"+id), http.StatusOK, &s)
	return s
}

// await polls until the session's status is final.
func (r *rig) await(id string) sessionState {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if s := r.sessionState(id); s.Status.Code >= 200 {
			return s
		}
		<-time.After(time.Millisecond)
	}
	r.t.Fatalf("session %s has not ended within 20 seconds", id)
	return sessionState{}
}

type page struct {
	Next     string         `json:"continuationToken"`
	Invoices []invoiceEntry `json:"invoices"`
}

func (r *rig) page(path, token string) page {
	r.t.Helper()
	other := r.with(r.access)
	other.header = r.header.Clone()
	if token != "" {
		other.header.Set("x-continuation-token", token)
	}
	var p page
	r.ok(other.get(path), http.StatusOK, &p)
	return p
}
