package ledger

import (
	"context"
	"errors"
	"fmt"
)

// What [Ledger.SealTally] calls the seals that do not name a key.
const (
	SealPlain    = "plain"
	SealKeyless  = "layout 2"       // encrypted by an older build
	SealArchived = "in the archive" // by an older build, which did not record the key
	SealOther    = "another layout" // damaged, or made by a newer build
)

// tallyPage is how many invoices one script reads. It keeps Redis busy for about two milliseconds.
const tallyPage = 1000

// SealTally counts the stored documents by their seal: the id of the key, or one of the names
// above. It reads every invoice that may still have a document, which takes Redis about two
// microseconds each. An invoice that moves meanwhile may be counted twice or, if a person retries
// it at that moment, not at all. The worst result is a key that is retired too early: processes
// become not ready, and nothing is lost.
func (l *Ledger) SealTally(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	for _, s := range States() {
		if s == Receipted {
			continue
		}
		for cursor := "0"; ; {
			r, err := l.run(ctx, tallyScript, l.args(string(s), cursor, tallyPage))
			if err != nil {
				return nil, fmt.Errorf("count how documents are sealed: %w", err)
			}
			for i := 1; i+1 < len(r); i += 2 {
				out[text(r[i])] += number(r[i+1])
			}
			if cursor = text(cell(r, 0)); cursor == "0" || cursor == "" {
				break
			}
		}
	}
	return out, nil
}

// SealOf returns how a document is sealed: the id of its key, or one of the names above.
func SealOf(sealed []byte) string {
	switch {
	case len(sealed) > 0 && sealed[0] == sealedPlain:
		return SealPlain
	case len(sealed) > 0 && sealed[0] == sealedKeyless:
		return SealKeyless
	case len(sealed) > len(keyID{}) && sealed[0] == sealedEncrypted:
		return keyID(sealed[1:]).String()
	}
	return SealOther
}

// olderAtOnce is how many documents of each state are tried before a process may declare its keys.
const olderAtOnce = 100

// openOlder checks the keys of the first process that declares anything. Documents that older
// builds encrypted do not name their key, so it tries some of them. If none opens, this process has
// the wrong key: a [*SealError].
func (l *Ledger) openOlder(ctx context.Context, b *Bodies) error {
	tally, err := l.SealTally(ctx)
	if err != nil || tally[SealKeyless] == 0 {
		return err
	}
	tried := 0
	for _, s := range States() {
		if s == Receipted {
			continue
		}
		ids, err := l.rdb.ZRange(ctx, l.key(keyState, string(s)), 0, olderAtOnce-1).Result()
		if err != nil {
			return fmt.Errorf("list invoices: %w", err)
		}
		sealed, err := l.BodiesOf(ctx, ids)
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
	return &SealError{Held: b.KeyIDs(), Waiting: tally[SealKeyless]}
}

func asKey(err error) (*KeyError, bool) { return errors.AsType[*KeyError](err) }

func asLayout(err error) (int, bool) {
	e, ok := errors.AsType[*layoutError](err)
	if !ok {
		return 0, false
	}
	return e.layout, true
}
