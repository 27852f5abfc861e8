package qrcode_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"image/png"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	gozxingqr "github.com/makiuchi-d/gozxing/qrcode"
	"github.com/youmark/pkcs8"

	"ksefworker/internal/qrcode"
)

// read reads a QR code as a phone does. It uses another library than the one that made the QR code.
//
// The library's reader misses two or three of a hundred large codes, whoever made them, because it
// takes data for one of the three squares in the corners. It reads such a code when the image is
// turned, so read tries four directions.
func read(t *testing.T, raw []byte) string {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true}
	for range 4 {
		found, missed := gozxingqr.NewQRCodeReader().Decode(bitmap, hints)
		if missed == nil {
			return found.GetText()
		}
		err = missed
		if bitmap, missed = bitmap.RotateCounterClockwise(); missed != nil {
			t.Fatal(missed)
		}
	}
	t.Fatal(err)
	return ""
}

const (
	firstLink = "https://qr-test.ksef.mf.gov.pl/invoice/1111111111/01-02-2026/UtQp9Gpc51y-u3xApZjIjgkpZ01js-J8KflSPW8WzIE"
	number    = "5265877635-20250826-0100001AF629-AF"
)

func TestPNG_AnyLabel_IsReadAsTheLink(t *testing.T) {
	long := firstLink + strings.Repeat("a", 342) // as long as a link signed with RSA
	for _, text := range []string{firstLink, long} {
		for _, label := range []string{"", number, qrcode.LabelOffline, qrcode.LabelCertificate} {
			raw, err := qrcode.PNG(text, label)
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, raw); got != text {
				t.Errorf("the code with the label %q is read as %q, want %q", label, got, text)
			}
			again, err := qrcode.PNG(text, label)
			if err != nil || !bytes.Equal(raw, again) {
				t.Errorf("label %q: the second image of the same code differs from the first (error %v)", label, err)
			}
		}
	}
}

func TestPNG_Label_StandsBelowTheCodeAndLooksLikeNoOther(t *testing.T) {
	seen := map[string]string{}
	for _, label := range []string{qrcode.LabelOffline, qrcode.LabelCertificate, number, "5265877635-20250826-0100001AF629-AE"} {
		raw, err := qrcode.PNG(firstLink, label)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		size := img.Bounds()
		var below strings.Builder
		black := 0
		for y := size.Dy() - 30; y < size.Dy(); y++ {
			for x := range size.Dx() {
				r, _, _, _ := img.At(x, y).RGBA()
				if r == 0 {
					black++
				}
				below.WriteByte(byte('0' + min(r, 1)))
			}
		}
		if black < 200 {
			t.Errorf("the label %s has only %d black pixels below the code, want at least 200", label, black)
		}
		if other, ok := seen[below.String()]; ok {
			t.Errorf("the labels %s and %s look the same", label, other)
		}
		seen[below.String()] = label
	}
	if _, err := qrcode.PNG(firstLink, "żółć"); err == nil {
		t.Error("a label that the font does not have was drawn")
	}
	if _, err := qrcode.PNG(strings.Repeat("a", 4000), ""); err == nil {
		t.Error("a text that fits into no code was encoded")
	}
}

// kind is a key and the name of its kind.
type kind struct {
	name string
	key  crypto.Signer
}

func keys(t *testing.T) []kind {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return []kind{{"ECDSA", ec}, {"RSA", r}}
}

func certificate(t *testing.T, key crypto.Signer, usage x509.KeyUsage) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0x01F20A5D352AE590), KeyUsage: usage,
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func pkcs8PEM(t *testing.T, key crypto.Signer, password []byte) []byte {
	t.Helper()
	der, err := pkcs8.MarshalPrivateKey(key, password, nil)
	if err != nil {
		t.Fatal(err)
	}
	kind := "PRIVATE KEY"
	if password != nil {
		kind = "ENCRYPTED PRIVATE KEY"
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestLink_EachKindOfKey_IsSignedAsTheMinistrySays(t *testing.T) {
	hash, err := base64.RawURLEncoding.DecodeString("UtQp9Gpc51y-u3xApZjIjgkpZ01js-J8KflSPW8WzIE")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys(t) {
		t.Run(k.name, func(t *testing.T) {
			c, err := qrcode.ParseCertificate(certificate(t, k.key, x509.KeyUsageContentCommitment), pkcs8PEM(t, k.key, nil), nil)
			if err != nil {
				t.Fatal(err)
			}
			link, err := c.Link("test", "1111111111", "2222222222", [32]byte(hash))
			if err != nil {
				t.Fatal(err)
			}
			// The Ministry's example, but the NIP of the seller is not that of the context.
			const signed = "qr-test.ksef.mf.gov.pl/certificate/Nip/1111111111/2222222222/01F20A5D352AE590/" +
				"UtQp9Gpc51y-u3xApZjIjgkpZ01js-J8KflSPW8WzIE"
			text, found := strings.CutPrefix(link, "https://"+signed+"/")
			if !found {
				t.Fatalf("the link is %s, want it to begin with %s", link, signed)
			}
			signature, err := base64.RawURLEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256([]byte(signed))
			switch key := k.key.Public().(type) {
			case *ecdsa.PublicKey:
				if len(signature) != 64 ||
					!ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
					t.Errorf("the signature of %d bytes is not R and S of the signed text", len(signature))
				}
			case *rsa.PublicKey:
				o := &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}
				if err := rsa.VerifyPSS(key, crypto.SHA256, sum[:], signature, o); err != nil {
					t.Error(err)
				}
			}
			raw, err := qrcode.PNG(link, qrcode.LabelCertificate)
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, raw); got != link {
				t.Errorf("the code is read as %q, want %q", got, link)
			}
			if production, err := c.Link("production", "1111111111", "1111111111", [32]byte(hash)); err != nil ||
				!strings.HasPrefix(production, "https://qr.ksef.mf.gov.pl/certificate/") {
				t.Errorf("the link for production is %s (error %v), want the host qr.ksef.mf.gov.pl", production, err)
			}
			if _, err := c.Link("test", "PL1", "1111111111", [32]byte(hash)); err == nil {
				t.Error("a NIP of two characters was signed")
			}
		})
	}
}

func TestParseCertificate_EveryForm_IsRead(t *testing.T) {
	for _, k := range keys(t) {
		cert := certificate(t, k.key, x509.KeyUsageContentCommitment)
		block, _ := pem.Decode(cert)
		plain, secret := pkcs8PEM(t, k.key, nil), pkcs8PEM(t, k.key, []byte("hasło"))
		derKey, _ := pem.Decode(plain)
		var old []byte
		if key, ok := k.key.(*ecdsa.PrivateKey); ok {
			der, err := x509.MarshalECPrivateKey(key)
			if err != nil {
				t.Fatal(err)
			}
			old = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
		} else {
			old = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k.key.(*rsa.PrivateKey))})
		}
		for name, in := range map[string][3][]byte{
			"two files":       {cert, plain, nil},
			"one file":        {append(append([]byte{}, plain...), cert...), nil, nil},
			"DER":             {block.Bytes, derKey.Bytes, nil},
			"encrypted":       {cert, secret, []byte("hasło")},
			"PKCS#1 or SEC 1": {cert, old, nil},
		} {
			c, err := qrcode.ParseCertificate(in[0], in[1], in[2])
			if err != nil {
				t.Errorf("a certificate with a key %s is not read from the form %q: %v", k.name, name, err)
				continue
			}
			if c.Serial() != "01F20A5D352AE590" {
				t.Errorf("%s, %s: the serial number is %s, want 01F20A5D352AE590", k.name, name, c.Serial())
			}
			for at, good := range map[string]bool{"2025-12-31": false, "2026-11-26": true, "2028-01-02": false} {
				now, _ := time.Parse(time.DateOnly, at)
				if err := c.Valid(now); (err == nil) != good {
					t.Errorf("%s: Valid on %s = %v, want the certificate valid: %v", name, at, err, good)
				}
			}
		}
	}
}

func TestParseCertificate_WhatKSeFWouldNotTake_IsRefusedWithoutSecrets(t *testing.T) {
	both := keys(t)
	ec, other := both[0].key, both[1].key
	cert := certificate(t, ec, x509.KeyUsageContentCommitment)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name                string
		cert, key, password []byte
		want                string
	}{
		{"another key", cert, pkcs8PEM(t, other, nil), nil, "does not belong"},
		{"no key", cert, nil, nil, "offline_key_file"},
		{"no password", cert, pkcs8PEM(t, ec, []byte("tajne-haslo")), nil, "offline_key_password_file"},
		{"wrong password", cert, pkcs8PEM(t, ec, []byte("tajne-haslo")), []byte("inne-haslo"), "is the password right"},
		{"for logging in", certificate(t, ec, x509.KeyUsageDigitalSignature), pkcs8PEM(t, ec, nil), nil, "type Offline"},
		{"another curve", certificate(t, p384, x509.KeyUsageContentCommitment), pkcs8PEM(t, p384, nil), nil, "P-256"},
		{"no certificate", pkcs8PEM(t, ec, nil), nil, nil, "no block CERTIFICATE"},
		{"nothing", nil, nil, nil, "certificate"},
		{"a broken key", cert, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), nil, "PKCS#8"},
	} {
		_, err := qrcode.ParseCertificate(c.cert, c.key, c.password)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want it to say %q", c.name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "haslo") {
			t.Errorf("%s: the error has the password in it: %v", c.name, err)
		}
	}
}
