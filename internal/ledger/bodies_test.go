package ledger

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
)

func sealers(t testing.TB) (plain, keyed, other *Bodies) {
	t.Helper()
	out := make([]*Bodies, 3)
	for i, key := range [][]byte{nil, bytes.Repeat([]byte{7}, 32), bytes.Repeat([]byte{8}, 32)} {
		b, err := NewBodies(key)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = b
	}
	return out[0], out[1], out[2]
}

func TestNewBodies_KeyOfWrongLength_IsRefusedWithoutShowingIt(t *testing.T) {
	for _, n := range []int{0, 1, 16, 24, 31, 33, 64} {
		key := bytes.Repeat([]byte("s"), n)
		_, err := NewBodies(key)
		if err == nil || strings.Contains(err.Error(), "ss") {
			t.Errorf("a key of %d bytes gives the error %v, want an error that does not show the key", n, err)
		}
	}
}

func TestBodies_SealThenOpen_GivesTheExactBytes(t *testing.T) {
	plain, keyed, _ := sealers(t)
	noise := make([]byte, 100_000)
	_, _ = rand.Read(noise)
	for name, doc := range map[string][]byte{
		"nothing": {}, "one byte": {0}, "text": []byte("<Faktura>żółć</Faktura>"),
		"a text that repeats": bytes.Repeat([]byte("<a/>"), 250_000), "noise": noise,
		"the largest invoice": bytes.Repeat([]byte("0123456789"), 300_000),
	} {
		for _, b := range []*Bodies{plain, keyed} {
			text, err := b.Seal("inv-a", doc)
			if err != nil {
				t.Fatal(err)
			}
			document, err := b.AppendSeal(nil, "inv-a", doc)
			if err != nil {
				t.Fatal(err)
			}
			for _, sealed := range [][]byte{text, document} {
				got, err := b.Open("inv-a", sealed)
				if err != nil || !bytes.Equal(got, doc) {
					t.Errorf("%s: opened %d bytes of %d (error %v), want the whole document", name, len(got), len(doc), err)
				}
			}
		}
	}
}

func TestBodies_Sealed_HidesTheDocumentAndNeverLooksTheSameTwice(t *testing.T) {
	_, keyed, _ := sealers(t)
	doc := []byte("<NIP>5265877635</NIP>")
	a, _ := keyed.Seal("inv-a", doc)
	b, _ := keyed.Seal("inv-a", doc)
	if bytes.Contains(a, []byte("5265877635")) || bytes.Equal(a, b) || bytes.Equal(a[9:21], b[9:21]) {
		t.Errorf("sealed twice as %q and %q: want two different texts with different nonces that hide the NIP", a, b)
	}
}

func TestBodies_SealedWithoutKey_StayReadableAfterAKeyWasSet(t *testing.T) {
	plain, keyed, _ := sealers(t)
	sealed, _ := plain.Seal("inv-a", []byte("doc"))
	if got, err := keyed.Open("inv-a", sealed); err != nil || string(got) != "doc" {
		t.Errorf("once a key is set, a document sealed without a key opens as %q (error %v), want doc", got, err)
	}
}

func TestBodies_WhatCannotBeOpened_IsAnErrorThatSaysWhy(t *testing.T) {
	plain, keyed, other := sealers(t)
	doc := []byte("<Faktura>top secret</Faktura>")
	clear, _ := plain.Seal("inv-a", doc)
	closed, _ := keyed.Seal("inv-a", doc)
	older := sealedByAnOlderBuild(t, bytes.Repeat([]byte{7}, 32), "inv-a", doc)
	flip := func(b []byte, i int) []byte { c := slices.Clone(b); c[i] ^= 1; return c }
	for name, c := range map[string]struct {
		with   *Bodies
		id     string
		sealed []byte
		want   string
	}{
		"nothing is stored":                       {keyed, "inv-a", nil, "is empty"},
		"encrypted, but no key is set":            {plain, "inv-a", closed, "not in storage.key_file"},
		"another key":                             {other, "inv-a", closed, "not in storage.key_file"},
		"the document of another invoice":         {keyed, "inv-b", closed, "damaged"},
		"a flipped bit in the key's id":           {keyed, "inv-a", flip(closed, 5), "not in storage.key_file"},
		"a flipped bit in the nonce":              {keyed, "inv-a", flip(closed, 12), "damaged"},
		"a flipped bit in the ciphertext":         {keyed, "inv-a", flip(closed, 25), "damaged"},
		"a flipped bit in the tag":                {keyed, "inv-a", flip(closed, len(closed)-1), "damaged"},
		"cut off in the ciphertext":               {keyed, "inv-a", closed[:len(closed)-1], "damaged"},
		"cut off after the nonce":                 {keyed, "inv-a", closed[:21], "damaged"},
		"cut off in the nonce":                    {keyed, "inv-a", closed[:20], "cut off"},
		"cut off in the key's id":                 {keyed, "inv-a", closed[:8], "cut off"},
		"cut off after the layout":                {keyed, "inv-a", closed[:1], "cut off"},
		"a byte too many at the end":              {keyed, "inv-a", append(slices.Clone(closed), 0), "damaged"},
		"layout 2, another key":                   {other, "inv-a", older, "no key of storage.key_file fits"},
		"layout 2, no key":                        {plain, "inv-a", older, "no key of storage.key_file fits"},
		"layout 2, cut off in the nonce":          {keyed, "inv-a", older[:12], "cut off"},
		"layout 10":                               {keyed, "inv-a", append([]byte{10}, closed[1:]...), "unknown layout 10"},
		"text in its place":                       {keyed, "inv-a", []byte("rubbish"), "layout 114 was never used"},
		"layout 0":                                {plain, "inv-a", append([]byte{0}, clear[1:]...), "layout 0 was never used"},
		"plain, cut off":                          {plain, "inv-a", clear[:len(clear)-3], "corrupt"},
		"plain, nothing but the layout":           {plain, "inv-a", clear[:1], "corrupt"},
		"plain, claiming to be four gigabytes":    {plain, "inv-a", []byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0}, "4294967295 bytes"},
		"ciphertext that pretends to be plain S2": {keyed, "inv-a", append([]byte{1}, closed[1:]...), ""},
		"plain that pretends to be encrypted":     {keyed, "inv-a", append([]byte{3}, clear[1:]...), "not in storage.key_file"},
	} {
		got, err := c.with.Open(c.id, c.sealed)
		if err == nil {
			t.Errorf("%s: opened as %q, want an error", name, got)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.id) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error is %v, want one that says %q, names the invoice and quotes nothing of it", name, err, c.want)
		}
	}
}

// sealedByAnOlderBuild seals in layout 2, which this build only opens.
func sealedByAnOlderBuild(t testing.TB, key []byte, id string, doc []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce)
	return aead.Seal(append([]byte{sealedKeyless}, nonce...), nonce, s2.Encode(nil, doc), []byte(id))
}

func ring(t testing.TB, keys ...byte) *Bodies {
	t.Helper()
	var all [][]byte
	for _, k := range keys {
		all = append(all, bytes.Repeat([]byte{k}, 32))
	}
	b, err := NewBodies(all...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBodies_SeveralKeys_FirstSealsAndAllOpenInAnyLayout(t *testing.T) {
	old, turned := ring(t, 7), ring(t, 8, 7)
	doc := []byte("<Faktura/>")
	byOld, _ := old.Seal("inv-a", doc)
	byNew, _ := turned.Seal("inv-a", doc)
	older := sealedByAnOlderBuild(t, bytes.Repeat([]byte{7}, 32), "inv-a", doc)
	for why, sealed := range map[string][]byte{"by the old key": byOld, "by the new key": byNew, "by an older build": older} {
		if got, err := turned.Open("inv-a", sealed); err != nil || !bytes.Equal(got, doc) {
			t.Errorf("sealed %s: opened as %q (error %v), want the document", why, got, err)
		}
	}
	if SealOf(byOld) != old.KeyIDs()[0] || SealOf(byNew) != turned.KeyIDs()[0] || SealOf(byOld) == SealOf(byNew) {
		t.Errorf("the old and the new process seal with the keys %s and %s, want the key %v and the first of %v",
			SealOf(byOld), SealOf(byNew), old.KeyIDs(), turned.KeyIDs())
	}
	var missing *KeyError
	if _, err := old.Open("inv-a", byNew); !errors.As(err, &missing) || missing.Key != turned.KeyIDs()[0] {
		t.Errorf("a process without the new key gets the error %v, want a KeyError that names the new key", err)
	}
}

// The id of a key is public. It is in logs, in readiness and in every encrypted document.
func TestKeyID_TellsNothingOfTheKeyAndIsNoPlainHashOfIt(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	id := ring(t, 7).KeyIDs()[0]
	sum := sha256.Sum256(key)
	if len(id) != 16 || strings.Contains(hex.EncodeToString(key), id) || strings.Contains(hex.EncodeToString(sum[:]), id) {
		t.Errorf("the id of the key is %s, want 16 characters that are no part of the key or of its plain hash", id)
	}
}

func TestBody_GoneFromRedis_IsErrNotFound(t *testing.T) {
	w := oneWorld(t)
	if _, err := w.Body(ctx(), "inv-nobody"); !errors.Is(err, ErrNotFound) {
		t.Error("want ErrNotFound; reading a document that is not in Redis gives", err)
	}
}

func FuzzOpen(f *testing.F) {
	plain, keyed, _ := sealers(f)
	for _, b := range []*Bodies{plain, keyed} {
		sealed, err := b.Seal("inv-a", []byte("<Faktura>treść</Faktura>"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add("inv-a", sealed)
		if sealed, err = b.AppendSeal(nil, "inv-a", []byte("<Faktura>treść</Faktura>")); err != nil {
			f.Fatal(err)
		}
		f.Add("inv-a", sealed)
	}
	f.Add("", []byte{})
	f.Add("inv-a", []byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, id string, sealed []byte) {
		for _, b := range []*Bodies{plain, keyed} {
			doc, err := b.Open(id, sealed)
			if err != nil {
				if doc != nil {
					t.Fatalf("Open returned a document of %d bytes with the error %v, want none with an error", len(doc), err)
				}
				continue
			}
			if len(sealed) == 0 {
				t.Fatal("Open opened an empty text")
			}
			// In a layout that needs no key, the document is what the codec of the layout decodes.
			// In the other layouts, only a process that has the key can make a text that opens.
			if i := slices.IndexFunc(documentCodecs, func(c codec) bool { return c.plain == sealed[0] }); i >= 0 {
				if want, err := documentCodecs[i].decode(nil, sealed[1:]); err != nil || !bytes.Equal(want, doc) {
					t.Fatalf("Open gives %q; the codec gives the error %v and %q, want no error and the same document", doc, err, want)
				}
			} else if id != "inv-a" {
				t.Fatalf("a document of the invoice inv-a was opened as one of %s", id)
			}
		}
	})
}
