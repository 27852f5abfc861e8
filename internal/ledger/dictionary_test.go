package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/klauspost/compress/s2"
)

// With another dictionary no stored document could be opened.
func TestDictionary_IsTheOneThatDocumentsAreStoredWith(t *testing.T) {
	sum := sha256.Sum256(invoicesDict)
	if got := hex.EncodeToString(sum[:]); got != "dd2457441e450d3ba0c82c395a10721f78327004d7f36a483bdc04c21cf2de01" || documentDict == nil {
		t.Errorf("it has changed: %s", got)
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
			t.Errorf("%s: %d bytes, %d without, %v", name, len(sealed), without, err)
		}
		if got, err := b.Open("inv-a", sealed); err != nil || !bytes.Equal(got, doc) {
			t.Errorf("%s: opened %d bytes of %d, %v", name, len(got), len(doc), err)
		}
		if _, err := b.Open("inv-a", sealed[:len(sealed)-1]); err == nil {
			t.Errorf("%s: what was cut off was opened", name)
		}
	}
	sealed, _ := keyed.AppendSeal(nil, "inv-a", doc)
	for _, b := range []*Bodies{plain, other} {
		if _, err := b.Open("inv-a", sealed); err == nil {
			t.Error("it was opened without the key")
		}
	}
	if _, err := keyed.Open("inv-b", sealed); err == nil || SealOf(sealed) != keyed.KeyIDs()[0] {
		t.Errorf("as another invoice's: %v; sealed with %s", err, SealOf(sealed))
	}
}
