package ledger

import (
	"bytes"
	"crypto/rand"
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
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestBodies_SealThenOpen_GivesTheExactBytes(t *testing.T) {
	plain, keyed, _ := sealers(t)
	noise := make([]byte, 100_000)
	_, _ = rand.Read(noise)
	for name, doc := range map[string][]byte{
		"nothing": {}, "one byte": {0}, "text": []byte("<Faktura>żółć</Faktura>"), "what repeats": bytes.Repeat([]byte("<a/>"), 250_000), "noise": noise,
		"the largest invoice": bytes.Repeat([]byte("0123456789"), 300_000),
	} {
		for _, b := range []*Bodies{plain, keyed} {
			sealed, err := b.Seal("inv-a", doc)
			if err != nil {
				t.Fatal(err)
			}
			got, err := b.Open("inv-a", sealed)
			if err != nil || !bytes.Equal(got, doc) {
				t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(doc), err)
			}
		}
	}
}

func TestBodies_Sealed_HidesTheDocumentAndNeverLooksTheSameTwice(t *testing.T) {
	_, keyed, _ := sealers(t)
	doc := []byte("<NIP>5265877635</NIP>")
	a, _ := keyed.Seal("inv-a", doc)
	b, _ := keyed.Seal("inv-a", doc)
	if bytes.Contains(a, []byte("5265877635")) || bytes.Equal(a, b) || bytes.Equal(a[1:13], b[1:13]) {
		t.Errorf("sealed as %q and %q", a, b)
	}
}

func TestBodies_SealedWithoutKey_StayReadableAfterAKeyWasSet(t *testing.T) {
	plain, keyed, _ := sealers(t)
	sealed, _ := plain.Seal("inv-a", []byte("doc"))
	if got, err := keyed.Open("inv-a", sealed); err != nil || string(got) != "doc" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestBodies_WhatDoesNotFit_IsAnErrorThatSaysWhy(t *testing.T) {
	plain, keyed, other := sealers(t)
	doc := []byte("<Faktura>top secret</Faktura>")
	clear, _ := plain.Seal("inv-a", doc)
	closed, _ := keyed.Seal("inv-a", doc)
	flip := func(b []byte, i int) []byte { c := slices.Clone(b); c[i] ^= 1; return c }
	for name, c := range map[string]struct {
		with   *Bodies
		id     string
		sealed []byte
		want   string
	}{
		"nothing is stored":                       {keyed, "inv-a", nil, "is empty"},
		"encrypted, but no key is set":            {plain, "inv-a", closed, "set storage.key_file"},
		"another key":                             {other, "inv-a", closed, "does not fit storage.key_file"},
		"the document of another invoice":         {keyed, "inv-b", closed, "does not fit storage.key_file"},
		"a flipped bit in the nonce":              {keyed, "inv-a", flip(closed, 5), "does not fit storage.key_file"},
		"a flipped bit in the ciphertext":         {keyed, "inv-a", flip(closed, 20), "does not fit storage.key_file"},
		"a flipped bit in the tag":                {keyed, "inv-a", flip(closed, len(closed)-1), "does not fit storage.key_file"},
		"cut off in the ciphertext":               {keyed, "inv-a", closed[:len(closed)-1], "does not fit storage.key_file"},
		"cut off after the nonce":                 {keyed, "inv-a", closed[:13], "does not fit storage.key_file"},
		"cut off in the nonce":                    {keyed, "inv-a", closed[:12], "cut off"},
		"cut off after the layout":                {keyed, "inv-a", closed[:1], "cut off"},
		"something behind it":                     {keyed, "inv-a", append(slices.Clone(closed), 0), "does not fit storage.key_file"},
		"layout 3":                                {keyed, "inv-a", append([]byte{3}, closed[1:]...), "unknown layout 3"},
		"layout 0":                                {plain, "inv-a", append([]byte{0}, clear[1:]...), "unknown layout 0"},
		"plain, cut off":                          {plain, "inv-a", clear[:len(clear)-3], "corrupt"},
		"plain, nothing but the layout":           {plain, "inv-a", clear[:1], "corrupt"},
		"plain, claiming to be four gigabytes":    {plain, "inv-a", []byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0}, "4294967295 bytes"},
		"ciphertext that pretends to be plain S2": {keyed, "inv-a", append([]byte{1}, closed[1:]...), ""},
		"plain that pretends to be encrypted":     {keyed, "inv-a", append([]byte{2}, clear[1:]...), "does not fit storage.key_file"},
	} {
		got, err := c.with.Open(c.id, c.sealed)
		if err == nil {
			t.Errorf("%s: opened as %q", name, got)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.id) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestBody_GoneFromRedis_IsErrNotFound(t *testing.T) {
	w := oneWorld(t)
	if _, err := w.Body(ctx(), "inv-nobody"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
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
	}
	f.Add("", []byte{})
	f.Add("inv-a", []byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, id string, sealed []byte) {
		for _, b := range []*Bodies{plain, keyed} {
			doc, err := b.Open(id, sealed)
			if err != nil {
				if doc != nil {
					t.Fatalf("a document of %d bytes beside %v", len(doc), err)
				}
				continue
			}
			if len(sealed) == 0 {
				t.Fatal("nothing was opened")
			}
			// Whatever opens without a key is what S2 says it is; nobody but the key's holder makes something that opens with it.
			if sealed[0] == sealedPlain {
				if want, err := s2.Decode(nil, sealed[1:]); err != nil || !bytes.Equal(want, doc) {
					t.Fatalf("%q, %v, want %q", doc, err, want)
				}
			} else if id != "inv-a" {
				t.Fatalf("a forged document of %s was opened", id)
			}
		}
	})
}
