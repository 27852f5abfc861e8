package ksef

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
)

// chunk is how many bytes are encrypted at once. It is large enough for the AES instructions to set
// the pace, and small enough for the first-level cache.
const chunk = 32 << 10

var errClosedEncrypter = errors.New("write after close of the encrypter")

// Encrypt returns the ciphertext of plain: AES-256-CBC with PKCS#7 padding, without the IV. It is
// always longer than plain, and a multiple of 16 bytes.
func (k SessionKey) Encrypt(plain []byte) []byte {
	out := make([]byte, EncryptedSize(int64(len(plain))))
	n := copy(out, plain)
	pad(out[n:])
	k.encrypter().CryptBlocks(out, out)
	return out
}

// EncryptedSize returns the length in bytes of the ciphertext of n plain bytes.
func EncryptedSize(n int64) int64 { return n - n%aes.BlockSize + aes.BlockSize }

// Encrypter returns a writer that encrypts what is written to it and passes it on to w. Close
// writes the padding that completes the ciphertext. It leaves w open. Memory does not grow with the
// length. Not safe for concurrent use; each part needs an Encrypter of its own.
func (k SessionKey) Encrypter(w io.Writer) io.WriteCloser {
	return &encrypter{mode: k.encrypter(), w: w, buf: make([]byte, 0, chunk)}
}

func (k SessionKey) encrypter() cipher.BlockMode { return cipher.NewCBCEncrypter(k.block(), k.iv[:]) }

// block never panics, because the type of the key fixes its length.
func (k SessionKey) block() cipher.Block {
	b, err := aes.NewCipher(k.key[:])
	if err != nil {
		panic("ksef: AES refuses a 32-byte key")
	}
	return b
}

func pad(tail []byte) {
	for i := range tail {
		tail[i] = byte(len(tail))
	}
}

type encrypter struct {
	mode   cipher.BlockMode
	w      io.Writer
	buf    []byte // plain bytes that are not yet written, fewer than chunk
	closed bool
	err    error
}

func (e *encrypter) Write(p []byte) (int, error) {
	if e.closed && e.err == nil {
		return 0, errClosedEncrypter
	}
	total := 0
	for len(p) > 0 && e.err == nil {
		n := copy(e.buf[len(e.buf):chunk], p)
		e.buf = e.buf[:len(e.buf)+n]
		p, total = p[n:], total+n
		if len(e.buf) == chunk {
			e.flush()
		}
	}
	return total, e.err
}

func (e *encrypter) flush() {
	e.mode.CryptBlocks(e.buf, e.buf)
	_, e.err = e.w.Write(e.buf)
	e.buf = e.buf[:0]
}

// Close is safe to call twice. The second call returns the result of the first.
func (e *encrypter) Close() error {
	if e.closed || e.err != nil {
		e.closed = true
		return e.err
	}
	e.closed = true
	n := len(e.buf)
	e.buf = e.buf[:EncryptedSize(int64(n))] // fits: n < chunk, and chunk is a multiple of the block
	pad(e.buf[n:])
	e.flush()
	return e.err
}

// Decrypt undoes Encrypt. It is for the parts of an export. KSeF encrypts them with the key that
// came with the request for the export.
func (k SessionKey) Decrypt(sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || len(sealed)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("decrypt: %d bytes are not a multiple of %d", len(sealed), aes.BlockSize)
	}
	out := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(k.block(), k.iv[:]).CryptBlocks(out, sealed)
	n := int(out[len(out)-1])
	if n == 0 || n > aes.BlockSize || !bytes.Equal(out[len(out)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errors.New("decrypt: padding is wrong (another key?)")
	}
	return out[:len(out)-n], nil
}
