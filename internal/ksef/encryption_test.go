package ksef_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"ksefworker/internal/ksef"
)

// openCBC decrypts AES-256-CBC with PKCS#7, independently of the code under test.
func openCBC(tb testing.TB, key, iv, sealed []byte) []byte {
	tb.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		tb.Fatal(err)
	}
	out := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, sealed)
	n := int(out[len(out)-1])
	if n < 1 || n > 16 {
		tb.Fatalf("the last byte says a padding of %d bytes, want 1 to 16", n)
	}
	for _, b := range out[len(out)-n:] {
		if int(b) != n {
			tb.Fatalf("the bytes of the padding are not all the same: %v", out[len(out)-n:])
		}
	}
	return out[:len(out)-n]
}

func TestInfo_SessionKey_DecryptsWithOAEPAndSHA256AndNoLabel(t *testing.T) {
	key := sessionKey(t)
	i, err := key.Info(&rsaKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	aesKey, iv := rsaOpen(i)
	if len(aesKey) != 32 || len(iv) != 16 || len(i.EncryptedKey) != 256 {
		t.Fatalf("the key has %d bytes, the IV %d and the encrypted key %d, want 32, 16 and 256", len(aesKey), len(iv), len(i.EncryptedKey))
	}
	if got := openCBC(t, aesKey, iv, key.Encrypt(plain)); !bytes.Equal(got, plain) {
		t.Errorf("the session key from Info decrypts the data to %q, want the plain bytes", got)
	}
}

func TestEncrypt_EveryLength_DecryptsToThePlainBytes(t *testing.T) {
	key := sessionKey(t)
	aesKey, iv := rsaOpen(must(key.Info(&rsaKey().PublicKey)))
	for _, n := range []int{0, 1, 15, 16, 17, 31, 32, 1000, 32<<10 - 1, 32 << 10, 32<<10 + 1, 100_000} {
		data := bytes.Repeat([]byte{0xA5}, n)
		sealed := key.Encrypt(data)
		if int64(len(sealed)) != ksef.EncryptedSize(int64(n)) || len(sealed) <= n {
			t.Errorf("%d bytes are encrypted to %d bytes, want the number that EncryptedSize tells", n, len(sealed))
		}
		if got := openCBC(t, aesKey, iv, sealed); !bytes.Equal(got, data) {
			t.Errorf("the ciphertext of %d bytes is decrypted to %d bytes, want the plain bytes", n, len(got))
		}
		if got, err := key.Decrypt(sealed); err != nil || !bytes.Equal(got, data) {
			t.Errorf("Decrypt turns the ciphertext of %d bytes into %d bytes (error %v), want the plain bytes", n, len(got), err)
		}
	}
}

func TestEncrypter_PiecesOfAnySize_GiveTheSameAsOneWrite(t *testing.T) {
	key := sessionKey(t)
	dice := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		data := make([]byte, dice.IntN(120_000))
		for i := range data {
			data[i] = byte(dice.Uint32())
		}
		before := bytes.Clone(data)
		var out bytes.Buffer
		w := key.Encrypter(&out)
		for rest := data; len(rest) > 0; {
			n := min(len(rest), dice.IntN(50_000))
			if wrote, err := w.Write(rest[:n]); err != nil || wrote != n {
				t.Fatalf("Write took %d of %d bytes, error %v", wrote, n, err)
			}
			rest = rest[n:]
		}
		if err := errors.Join(w.Close(), w.Close()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), key.Encrypt(data)) {
			t.Fatalf("the ciphertext of %d bytes written in pieces differs from that of one write", len(data))
		}
		if !bytes.Equal(before, data) {
			t.Fatal("the Encrypter changed the caller's bytes")
		}
	}
}

func TestEncrypter_WriterFails_ReturnsItsError(t *testing.T) {
	full := errors.New("disk is full")
	w := sessionKey(t).Encrypter(&failingWriter{left: 50_000, err: full})
	_, err := w.Write(make([]byte, 200_000))
	if closed := w.Close(); !errors.Is(err, full) || !errors.Is(closed, full) {
		t.Errorf("Write returned %v and Close %v, want the writer's error from both", err, closed)
	}
	done := sessionKey(t).Encrypter(io.Discard)
	if err := done.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := done.Write([]byte("x")); err == nil {
		t.Error("Write after Close is accepted")
	}
}

func TestDecrypt_WrongKeyOrLength_ReturnsAnError(t *testing.T) {
	sealed := sessionKey(t).Encrypt(bytes.Repeat([]byte("x"), 1000))
	wrong := 0
	for range 8 { // a wrong key gives a valid padding once in 256 times
		if _, err := sessionKey(t).Decrypt(sealed); err == nil {
			wrong++
		}
	}
	if wrong > 3 {
		t.Errorf("%d of 8 wrong keys decrypt without an error, want 3 or fewer", wrong)
	}
	for _, n := range []int{0, 15, 17} {
		if _, err := sessionKey(t).Decrypt(make([]byte, n)); err == nil {
			t.Errorf("a ciphertext of %d bytes is decrypted, want an error", n)
		}
	}
}

func TestSessionKey_Zero_CannotBeSent(t *testing.T) {
	if _, err := (ksef.SessionKey{}).Info(&rsaKey().PublicKey); err == nil {
		t.Error("a key that was never generated is accepted")
	}
	if _, err := sessionKey(t).Info(nil); err == nil {
		t.Error("Info accepts a nil public key")
	}
}

func TestSessionKey_PrintsAsRedacted(t *testing.T) {
	key := sessionKey(t)
	aesKey, iv := rsaOpen(must(key.Info(&rsaKey().PublicKey)))
	holder := struct {
		Name string
		Key  ksef.SessionKey
		Ptr  *ksef.SessionKey
	}{"s", key, &key}
	var texts []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, key), fmt.Sprintf(verb, &key), fmt.Sprintf(verb, holder))
	}
	texts = append(
		texts, string(must(json.Marshal(holder))), key.String(), key.GoString(), string(must(key.MarshalText())),
		string(must(json.Marshal(map[ksef.SessionKey]int{key: 1}))),
	)
	forms := [][]byte{aesKey, iv}
	for _, text := range texts {
		for _, f := range forms {
			for _, form := range []string{
				string(f), b64(f), fmt.Sprintf("%x", f), fmt.Sprintf("%X", f), fmt.Sprint(f),
				strings.Trim(fmt.Sprint(f), "[]"), fmt.Sprintf("%d, %d, %d", f[0], f[1], f[2]),
			} {
				if strings.Contains(text, form) {
					t.Errorf("the key shows in the printed text %q", text)
				}
			}
		}
	}
}
