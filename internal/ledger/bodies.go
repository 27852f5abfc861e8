package ledger

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/s2"
	"github.com/redis/go-redis/v9"
)

// MaxBodyInRedis is the most bytes of a sealed document that are kept in Redis; larger ones (attachments) go to the archive store.
const MaxBodyInRedis = 64 << 10

// maxOpened is far above every document that KSeF takes (3 MB), and nothing to a process.
const maxOpened = 64 << 20

// Bodies seals documents before they are stored, and opens them again. S2 was chosen for speed: it halves the time
// of taking in an invoice against the fastest zstd, for a third more bytes.
//
// A sealed document begins with one byte: 1 for S2 alone, 2 for S2 then AES-256-GCM with a random 12-byte nonce before the
// ciphertext and the invoice's id as additional data, so that bodies cannot be swapped. Safe for concurrent use.
type Bodies struct {
	aead cipher.AEAD
}

const (
	sealedPlain     = 1
	sealedEncrypted = 2
)

// NewBodies returns a sealer; key is nil for no encryption, or 32 bytes.
func NewBodies(key []byte) (*Bodies, error) {
	if key == nil {
		return &Bodies{}, nil
	}
	if len(key) != 32 {
		return nil, fmt.Errorf("storage key has %d bytes, want 32", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Bodies{aead: aead}, nil
}

// Seal compresses, and encrypts when there is a key.
func (b *Bodies) Seal(id string, document []byte) ([]byte, error) {
	return b.AppendSeal(nil, id, document)
}

// AppendSeal does the same and appends what it makes to dst, for callers that seal thousands and use one piece of memory for all. With an error dst is as it was.
func (b *Bodies) AppendSeal(dst []byte, id string, document []byte) ([]byte, error) {
	at := len(dst)
	if b.aead == nil {
		dst = slices.Grow(dst, 1+s2.MaxEncodedLen(len(document)))
		body := dst[at+1 : at+1+s2.MaxEncodedLen(len(document))]
		dst = append(dst, sealedPlain)
		return dst[:at+1+len(s2.Encode(body, document))], nil
	}
	packed := s2.Encode(nil, document)
	size := b.aead.NonceSize()
	dst = slices.Grow(dst, 1+size+len(packed)+b.aead.Overhead())
	out := append(dst, sealedEncrypted)[:at+1+size]
	nonce := out[at+1:]
	if _, err := rand.Read(nonce); err != nil {
		return dst, fmt.Errorf("seal %s: %w", id, err)
	}
	return b.aead.Seal(out, nonce, packed, []byte(id)), nil
}

// Open undoes [Bodies.Seal]. Documents sealed without a key stay readable after a key was set.
func (b *Bodies) Open(id string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, fmt.Errorf("open %s: stored document is empty", id)
	}
	packed := sealed[1:]
	switch sealed[0] {
	case sealedPlain:
	case sealedEncrypted:
		if b.aead == nil {
			return nil, fmt.Errorf("open %s: the stored document is encrypted; set storage.key_file", id)
		}
		n := b.aead.NonceSize()
		if len(packed) < n {
			return nil, fmt.Errorf("open %s: stored document is cut off", id)
		}
		var err error
		if packed, err = b.aead.Open(nil, packed[:n], packed[n:], []byte(id)); err != nil {
			return nil, fmt.Errorf("open %s: stored document does not fit storage.key_file", id)
		}
	default:
		return nil, fmt.Errorf("open %s: stored document has unknown layout %d, written by a newer version", id, sealed[0])
	}
	// A damaged length could ask for 4 GB at once.
	if n, err := s2.DecodedLen(packed); err == nil && n > maxOpened {
		return nil, fmt.Errorf("open %s: stored document says that it has %d bytes", id, n)
	}
	doc, err := s2.Decode(nil, packed)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", id, err)
	}
	return doc, nil
}

// Body reads a sealed document; [ErrNotFound] when Redis has none.
func (l *Ledger) Body(ctx context.Context, id string) ([]byte, error) {
	b, err := l.rdb.Get(ctx, l.key("body:", id)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read document of %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read document of %s: %w", id, err)
	}
	return b, nil
}

// BodiesOf reads sealed documents in one round trip; nil where Redis has none. The caller bounds the number.
func (l *Ledger) BodiesOf(ctx context.Context, ids []string) ([][]byte, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = l.key("body:", id)
	}
	vals, err := l.rdb.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, fmt.Errorf("read documents: %w", err)
	}
	out := make([][]byte, len(ids))
	for i, v := range vals {
		if s, ok := v.(string); ok {
			out[i] = []byte(s)
		}
	}
	return out, nil
}
