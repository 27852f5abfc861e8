package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/klauspost/compress/s2"
	"github.com/redis/go-redis/v9"
)

// MaxBodyInRedis is the largest sealed document that is kept in Redis, in bytes. Larger ones (with
// attachments) go to the archive store.
const MaxBodyInRedis = 64 << 10

// maxOpened bounds an opened document, in bytes. It is far above the largest document that KSeF
// accepts (3 MB), and it is little memory for a process.
const maxOpened = 64 << 20

// Bodies seals documents before they are stored, and opens them again.
//
// The first byte of a sealed document or text is its layout. Layout 1 is compressed with S2 and not
// encrypted. Layout 3 is compressed with S2 and then encrypted with AES-256-GCM. In layout 3 the
// eight bytes of the key's id and a random 12-byte nonce stand before the ciphertext. The invoice's
// id is the additional data of the encryption, so the document of one invoice cannot be put in the
// place of another invoice's document. Layout 2 is layout 3 without the key's id. It is only read,
// not written any more. Layouts 4 to 9 are for documents only and use a dictionary (dictionary.go).
// Layouts 4 and 5 are layouts 1 and 3 with the first dictionary, and layouts 6 and 7 are layouts 1
// and 3 with the second. Layouts 8 and 9 are layouts 6 and 7 with zstd in place of S2. Safe for
// concurrent use.
type Bodies struct {
	keys  []storageKey // the first key seals
	dense atomic.Bool  // documents are sealed in layouts 6 to 9; MayTake sets it
}

const (
	sealedPlain     = 1
	sealedKeyless   = 2 // encrypted; it does not say with which key
	sealedEncrypted = 3

	sealedPlainDict      = 4
	sealedEncryptedDict  = 5
	sealedPlainDict2     = 6
	sealedEncryptedDict2 = 7
	sealedPlainZstd      = 8
	sealedEncryptedZstd  = 9

	// firstOfText is above every layout that there will ever be. A stored value that begins with
	// this byte or a greater one is a text that somebody wrote in place of a sealed document.
	firstOfText = ' '
)

func isPlain(layout byte) bool {
	return slices.ContainsFunc(documentCodecs, func(c codec) bool { return c.plain == layout })
}

func isEncrypted(layout byte) bool {
	return slices.ContainsFunc(documentCodecs, func(c codec) bool { return c.encrypted == layout })
}

// NewBodies returns Bodies that seal with the first key and open with all of them. A key has 32
// bytes; nil keys are ignored. Without a key documents are only compressed.
func NewBodies(keys ...[]byte) (*Bodies, error) {
	b := &Bodies{}
	for _, key := range keys {
		if key == nil {
			continue
		}
		k, err := newStorageKey(key)
		if err != nil {
			return nil, err
		}
		b.keys = append(b.keys, k)
	}
	return b, nil
}

// Seal compresses a text, and encrypts it if there is a key. id names the invoice, or whatever else
// the text belongs to.
func (b *Bodies) Seal(id string, text []byte) ([]byte, error) {
	return b.seal(nil, id, text, &documentCodecs[textCodec])
}

// AppendSeal seals a document and appends it to dst. It is for callers that seal thousands of
// documents into one buffer. With an error it returns dst unchanged.
func (b *Bodies) AppendSeal(dst []byte, id string, document []byte) ([]byte, error) {
	with := firstCodec
	if b.dense.Load() {
		with = smallCodec
		if len(document) >= zstdFrom {
			with = largeCodec
		}
	}
	return b.seal(dst, id, document, &documentCodecs[with])
}

func (b *Bodies) seal(dst []byte, id string, document []byte, with *codec) ([]byte, error) {
	longest := s2.MaxEncodedLen(len(document)) // zstd may need a few bytes more when it compresses nothing
	if len(b.keys) == 0 {
		return with.encode(append(slices.Grow(dst, 1+longest), with.plain), document), nil
	}
	k := &b.keys[0]
	packed := with.encode(make([]byte, 0, longest), document)
	head, nonce := 1+len(k.id), k.aead.NonceSize()
	at := len(dst)
	dst = slices.Grow(dst, head+nonce+len(packed)+k.aead.Overhead())
	out := append(append(dst, with.encrypted), k.id[:]...)[:at+head+nonce]
	if _, err := rand.Read(out[at+head:]); err != nil {
		return dst, fmt.Errorf("seal %s: %w", id, err)
	}
	return k.aead.Seal(out, out[at+head:], packed, []byte(id)), nil
}

// Open undoes [Bodies.Seal]. Documents sealed without a key stay readable after a key is set.
//
// A [*KeyError], or an error that wraps [ErrNewer], concerns this process, because another process
// may be able to open the document. Every other error concerns the document.
func (b *Bodies) Open(id string, sealed []byte) ([]byte, error) { return b.OpenInto(nil, id, sealed) }

// OpenInto is like [Bodies.Open], but uses the memory of dst if that is large enough. The content
// of dst is lost.
func (b *Bodies) OpenInto(dst []byte, id string, sealed []byte) ([]byte, error) {
	packed, err := b.decrypt(id, sealed)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(documentCodecs, func(c codec) bool { return c.plain == sealed[0] || c.encrypted == sealed[0] })
	doc, err := documentCodecs[max(at, textCodec)].decode(dst, packed) // layout 2 is compressed like texts
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", id, err)
	}
	return doc, nil
}

func (b *Bodies) decrypt(id string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, fmt.Errorf("open %s: stored document is empty", id)
	}
	rest := sealed[1:]
	switch layout := sealed[0]; {
	case isPlain(layout):
		return rest, nil
	case layout == sealedKeyless:
		for i := range b.keys {
			if packed, err := b.keys[i].open(id, rest); err == nil {
				return packed, nil
			}
		}
		if len(rest) < nonceSize {
			return nil, fmt.Errorf("open %s: stored document is cut off", id)
		}
		return nil, &KeyError{ID: id}
	case isEncrypted(layout):
		if len(rest) < len(keyID{}) {
			return nil, fmt.Errorf("open %s: stored document is cut off", id)
		}
		key := keyID(rest)
		i := slices.IndexFunc(b.keys, func(k storageKey) bool { return k.id == key })
		if i < 0 {
			return nil, &KeyError{ID: id, Key: key.String()}
		}
		packed, err := b.keys[i].open(id, rest[len(key):])
		if err != nil {
			return nil, fmt.Errorf("open %s: stored document is damaged: %w", id, err)
		}
		return packed, nil
	case layout > sealedEncryptedZstd && layout < firstOfText:
		return nil, &layoutError{id, int(layout)}
	}
	return nil, fmt.Errorf("open %s: stored document is damaged: layout %d was never used", id, sealed[0])
}

// BodyStore keeps documents until they are archived. It lists the results that still have to be
// archived, and deletes what is no longer needed.
type BodyStore struct{ *store }

// Body reads a sealed document; [ErrNotFound] if Redis has none.
func (bs *BodyStore) Body(ctx context.Context, id string) ([]byte, error) {
	b, err := bs.rdb.Get(ctx, bs.key(keyBody, id)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read document of %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read document of %s: %w", id, err)
	}
	return b, nil
}

// BodiesOf reads sealed documents in one round trip, in the order of ids. A document that Redis
// does not have is nil. The caller bounds the number.
func (bs *BodyStore) BodiesOf(ctx context.Context, ids []string) ([][]byte, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = bs.key(keyBody, id)
	}
	vals, err := bs.rdb.MGet(ctx, keys...).Result()
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
