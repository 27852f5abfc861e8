package ledger

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
)

// These are the seals in [Ledger.SealTally] that are not the id of a key.
const (
	SealPlain    = "plain"
	SealKeyless  = "layout 2"       // encrypted by an older build
	SealArchived = "in the archive" // put there by an older build, which did not record the key
	SealOther    = "another layout" // damaged, or made by a newer build
)

// tallyPage is how many invoices one script reads. Such a script keeps Redis busy for about two
// milliseconds.
const tallyPage = 1000

// Tally counts what is sealed in the ledger by its seal. A seal is the id of the key, or one of the
// names above.
type Tally struct {
	Documents map[string]int64 // of invoices
	// Texts are all other sealed texts: reasons, file names and refs, KSeF's words, refusals, and
	// what sinks answered.
	Texts map[string]int64
}

// Needs returns how many documents and texts are sealed with the key of this id.
func (t Tally) Needs(key string) int64 { return t.Documents[key] + t.Texts[key] }

// SealTally counts what is sealed. It reads every entry, which takes Redis about three microseconds
// each. An invoice that moves meanwhile may be counted twice or, if a person retries it at that
// moment, not at all. If it is not counted, at worst a key is retired too early. Then processes
// become not ready until they have the key again. With an [*UnreadableError] all documents are
// counted, but the texts under the sick keys that it names are not. If the index of a state is
// sick, documents are not counted either, and SealTally returns another error, which names the key.
func (ss *SealStore) SealTally(ctx context.Context) (Tally, error) {
	t := Tally{Documents: map[string]int64{}, Texts: map[string]int64{}}
	for _, index := range entryIndexes() {
		for cursor := "0"; ; {
			r, err := ss.run(ctx, tallyScript, ss.args(index, cursor, tallyPage))
			if err != nil {
				if wrongType(err) {
					err = sickKey(index).Err
				}
				return Tally{}, fmt.Errorf("count how documents are sealed: %w", err)
			}
			docs, texts := row(cell(r, 1)), row(cell(r, 2))
			for i := 0; i+1 < len(docs); i += 2 {
				t.Documents[text(docs[i])] += number(docs[i+1])
			}
			for i := 0; i+1 < len(texts); i += 2 {
				t.text(text(texts[i]), number(texts[i+1]))
			}
			if cursor = text(cell(r, 0)); cursor == "0" || cursor == "" {
				break
			}
		}
	}
	sick, err := ss.sickIndexes(ctx)
	if err == nil {
		err = skipSick(&sick, ss.otherTexts(ctx, func(o otherText) error { t.text(o.packed, 1); return nil }))
	}
	if err == nil {
		err = skipSick(&sick, ss.tallySinks(ctx, &t))
	}
	return t, cmp.Or(err, some(sick))
}

// entryIndexes lists the indexes of all invoices and packages by their state.
func entryIndexes() []string {
	var out []string
	for _, s := range States() {
		out = append(out, keyState+string(s))
	}
	for _, s := range PackageStates() {
		out = append(out, keyPackageState+string(s))
	}
	return out
}

// text counts n sealed texts by the start of their Base64. It counts only encrypted texts.
func (t *Tally) text(packed string, n int64) {
	if head, err := base64.StdEncoding.DecodeString(packed[:min(len(packed), sealHead)]); err == nil {
		if seal := SealOf(append(head, 0)); seal != SealPlain && seal != SealOther {
			t.Texts[seal] += n
		}
	}
}

// sealHead is the length in Base64 of the start of a sealed text, which is its layout and the id of
// its key.
const sealHead = 12

// SealOf returns how a document is sealed, as the id of its key or as one of the names above.
func SealOf(sealed []byte) string {
	switch {
	case len(sealed) > 0 && isPlain(sealed[0]):
		return SealPlain
	case len(sealed) > 0 && sealed[0] == sealedKeyless:
		return SealKeyless
	case len(sealed) > len(keyID{}) && isEncrypted(sealed[0]):
		return keyID(sealed[1:]).String()
	}
	return SealOther
}

// olderAtOnce is how many invoices of each state are looked at before a process may declare its
// keys.
const olderAtOnce = 100

// openOlder checks the keys of the first process that declares anything. Documents that older
// builds encrypted do not name their key, so openOlder tries to open some of them. If it can open
// none, this process has the wrong key, and openOlder returns a [*SealError].
func (ss *SealStore) openOlder(ctx context.Context, b *Bodies) error {
	tally, err := ss.SealTally(ctx)
	// A sick key of other texts says nothing of documents.
	if _, err = Skip(err); err != nil || tally.Documents[SealKeyless] == 0 {
		return err
	}
	tried := 0
	for _, s := range States() {
		if s == Receipted {
			continue
		}
		ids, err := ss.rdb.ZRange(ctx, ss.key(keyState, string(s)), 0, olderAtOnce-1).Result()
		if err != nil {
			return fmt.Errorf("list invoices: %w", err)
		}
		sealed, err := ss.bodies.BodiesOf(ctx, ids)
		if err != nil {
			return err
		}
		for i, id := range ids {
			if SealOf(sealed[i]) != SealKeyless {
				continue
			}
			tried++
			if _, err := b.Open(id, sealed[i]); err == nil {
				return nil
			}
		}
	}
	if tried == 0 {
		return nil
	}
	return &SealError{Held: b.KeyIDs(), Waiting: tally.Documents[SealKeyless]}
}

func asKey(err error) (*KeyError, bool) { return errors.AsType[*KeyError](err) }

func asLayout(err error) (int, bool) {
	e, ok := errors.AsType[*layoutError](err)
	if !ok {
		return 0, false
	}
	return e.layout, true
}
