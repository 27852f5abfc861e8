package ledger

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// A stored document can be opened only with the dictionary that it was sealed with. So a dictionary
// must never change.
func TestDictionary_OfStoredDocuments_NeverChanges(t *testing.T) {
	for name, d := range map[string]struct {
		dict []byte
		want string
	}{
		"first":  {invoicesDict, "dd2457441e450d3ba0c82c395a10721f78327004d7f36a483bdc04c21cf2de01"},
		"second": {documentsDict, "cceee20421a155284ec7149cf109bb3f32a3e6fe8f26735004602cb6434a7096"},
	} {
		sum := sha256.Sum256(d.dict)
		if got := hex.EncodeToString(sum[:]); got != d.want {
			t.Errorf("the %s dictionary has changed: its digest is %s", name, got)
		}
	}
}

// This build opens documents of each layout, and the bytes that an earlier build has stored.
func TestOpen_DocumentsOfEachLayout_AreOpenedByThisBuild(t *testing.T) {
	plain, keyed, _ := sealers(t)
	doc := invoicesDict[len(invoicesDict)-2800:]
	for k := range documentCodecs {
		c := &documentCodecs[k]
		for layout, b := range map[byte]*Bodies{c.plain: plain, c.encrypted: keyed} {
			sealed, err := b.seal([]byte("before"), "inv-a", doc, c)
			sealed, found := bytes.CutPrefix(sealed, []byte("before"))
			if err != nil || !found || sealed[0] != layout {
				t.Fatalf("layout %d: the document was not sealed in this layout (error %v)", layout, err)
			}
			if got, err := b.Open("inv-a", sealed); err != nil || !bytes.Equal(got, doc) {
				t.Errorf("layout %d: opened %d bytes of %d (error %v), want the whole document", layout, len(got), len(doc), err)
			}
			if want := b.KeyIDs(); SealOf(sealed) != append(want, SealPlain)[0] {
				t.Errorf("layout %d: SealOf gives %s, want the first key, or plain without a key", layout, SealOf(sealed))
			}
		}
	}
	// written by the builds that had the first dictionary alone
	old, _ := hex.DecodeString("04221100003eb5f3143c2f505f323e0123146b747572613e")
	if got, err := plain.Open("inv-a", old); err != nil || string(got) != "<Faktura><P_2>FV/1</P_2></Faktura>" {
		t.Errorf("the document of an old build opens as %q (error %v), want the one that it sealed", got, err)
	}
}

func TestAppendSeal_InTheNewestForm_SmallAndLargeDocumentsOpenAndAreSmaller(t *testing.T) {
	plain, keyed, _ := sealers(t)
	once := bytes.ReplaceAll(invoicesDict[len(invoicesDict)-3000:], []byte("2026"), []byte("2031"))
	for name, doc := range map[string][]byte{"small": once, "large": bytes.Repeat(once, 3), "nothing": nil, "noise": noise(zstdFrom)} {
		for _, b := range []*Bodies{plain, keyed} {
			first, err := b.AppendSeal(nil, "inv-a", doc)
			if err != nil {
				t.Fatal(err)
			}
			b.dense.Store(true)
			newest, err := b.AppendSeal(nil, "inv-a", doc)
			b.dense.Store(false)
			if err != nil || newest[0] <= first[0] || len(newest) > len(first)+16 {
				t.Errorf("%s: layout %d takes %d bytes, the older layout %d takes %d (error %v); want a newer one and at most 16 bytes more",
					name, newest[0], len(newest), first[0], len(first), err)
			}
			if got, err := b.Open("inv-a", newest); err != nil || !bytes.Equal(got, doc) {
				t.Errorf("%s: opened %d bytes of %d (error %v), want the whole document", name, len(got), len(doc), err)
			}
		}
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// Many goroutines seal and open at once, and share the dictionaries.
func TestAppendSeal_ManyAtOnce_EachGetsItsOwn(t *testing.T) {
	plain, _, _ := sealers(t)
	plain.dense.Store(true)
	var all sync.WaitGroup
	for k := range 8 {
		all.Go(func() {
			for n := range 20 {
				doc := bytes.Repeat(fmt.Appendf(nil, "<P_7>%d of %d</P_7>", n, k), 1+200*(n%3))
				sealed, err := plain.AppendSeal(nil, "inv-a", doc)
				if got, opened := plain.Open("inv-a", sealed); err != nil || opened != nil || !bytes.Equal(got, doc) {
					t.Errorf("sealing gives the error %v, opening the error %v and %q; want no errors and the sealed document %q",
						err, opened, got, doc)
				}
			}
		})
	}
	all.Wait()
}

func TestOpen_ADocumentOfZstdSaysThatItIsHuge_IsRefused(t *testing.T) {
	plain, _, _ := sealers(t)
	huge, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	packed := huge.EncodeAll(make([]byte, maxOpened+1), []byte{sealedPlainZstd})
	if _, err := plain.Open("inv-a", packed); err == nil {
		t.Error("a document that claims to be huge was opened")
	}
}

func TestAppendSeal_ADocument_IsSmallerThanWithoutDictionaryAndOpens(t *testing.T) {
	plain, keyed, other := sealers(t)
	doc := bytes.ReplaceAll(invoicesDict[len(invoicesDict)-3000:], []byte("2026"), []byte("2031"))
	without := len(s2.Encode(nil, doc))
	for name, b := range map[string]*Bodies{"plain": plain, "encrypted": keyed} {
		sealed, err := b.AppendSeal([]byte("before"), "inv-a", doc)
		sealed, found := bytes.CutPrefix(sealed, []byte("before"))
		if err != nil || !found || len(sealed) > without/2 {
			t.Errorf("%s: sealed into %d bytes, %d without dictionary (error %v): want less than half", name, len(sealed), without, err)
		}
		if got, err := b.Open("inv-a", sealed); err != nil || !bytes.Equal(got, doc) {
			t.Errorf("%s: opened %d bytes of %d (error %v), want the whole document", name, len(got), len(doc), err)
		}
		if _, err := b.Open("inv-a", sealed[:len(sealed)-1]); err == nil {
			t.Errorf("%s: a document without its last byte was opened", name)
		}
	}
	sealed, _ := keyed.AppendSeal(nil, "inv-a", doc)
	for _, b := range []*Bodies{plain, other} {
		if _, err := b.Open("inv-a", sealed); err == nil {
			t.Error("the document was opened without the key")
		}
	}
	if _, err := keyed.Open("inv-b", sealed); err == nil || SealOf(sealed) != keyed.KeyIDs()[0] {
		t.Errorf("opening as the document of another invoice gives the error %v, and SealOf gives %s; want an error and the first key",
			err, SealOf(sealed))
	}
}
