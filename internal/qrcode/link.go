package qrcode

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"ksefworker/internal/invoice"
)

// Link returns the link of KOD II:
//
//	https://{host}/certificate/Nip/{context NIP}/{seller NIP}/{serial}/{hash}/{signature}
//
// The signature covers everything before the last slash, without https://. It has one of two forms
// (Ministry's page kody-qr):
//   - RSASSA-PSS with SHA-256, MGF1 of SHA-256 and a salt of 32 bytes
//   - ECDSA on P-256 with SHA-256, written as R and S of 32 bytes each
//
// Either kind of signature has a random part. So each call gives another link, and all these links
// are valid.
//
// environment chooses the host as in [invoice.VerificationURL]. contextNIP is the taxpayer that
// sends the invoice: the seller or, in self-billing, the buyer. hash is the SHA-256 of the invoice
// (Hash of [invoice.Header]).
func (c *Certificate) Link(environment, contextNIP, sellerNIP string, hash [32]byte) (string, error) {
	host, err := invoice.VerificationHost(environment)
	if err != nil {
		return "", err
	}
	for _, nip := range []string{contextNIP, sellerNIP} {
		if len(nip) != 10 || strings.Trim(nip, "0123456789") != "" {
			return "", fmt.Errorf("make link of KOD II: a NIP has ten digits, and %q has not", nip)
		}
	}
	link := strings.Join([]string{host, "certificate", "Nip", contextNIP, sellerNIP, c.serial,
		base64.RawURLEncoding.EncodeToString(hash[:])}, "/")
	signature, err := c.sign(strings.TrimPrefix(link, "https://"))
	if err != nil {
		return "", fmt.Errorf("sign link of KOD II: %w", err)
	}
	return link + "/" + base64.RawURLEncoding.EncodeToString(signature), nil
}

func (c *Certificate) sign(text string) ([]byte, error) {
	sum := sha256.Sum256([]byte(text))
	if key, ok := c.key.(*ecdsa.PrivateKey); ok {
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			return nil, err
		}
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out, nil
	}
	return c.key.Sign(rand.Reader, sum[:], &rsa.PSSOptions{SaltLength: sha256.Size, Hash: crypto.SHA256})
}
