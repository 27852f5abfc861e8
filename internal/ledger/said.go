package ledger

import (
	"context"
	"fmt"
)

// When a task about an entry fails, the words of KSeF are kept with the entry, sealed like a
// reason. The queue must not keep these words, because they would be clear text there.

func saidText(id string) string { return id + "|said" }

// SaidStore keeps what KSeF said last about an invoice or a package.
type SaidStore struct{ *store }

// maxSaid is how many bytes of KSeF's words about an entry are kept.
const maxSaid = 1000

// NoteSaidOfInvoice records what was said when a task of the invoice failed. The revision stays,
// because the invoice itself has not changed. NoteSaidOfInvoice does nothing if the entry is
// missing or the invoice is receipted.
func (ss *SaidStore) NoteSaidOfInvoice(ctx context.Context, id, said string) error {
	return ss.noteSaid(ctx, keyInvoice, id, said)
}

// NoteSaidOfPackage is like [SaidStore.NoteSaidOfInvoice], but for a package.
func (ss *SaidStore) NoteSaidOfPackage(ctx context.Context, id, said string) error {
	return ss.noteSaid(ctx, keyPackage, id, said)
}

func (ss *SaidStore) noteSaid(ctx context.Context, kind, id, said string) error {
	sealed, err := ss.sealText(saidText(id), shortened(said, maxSaid))
	if err != nil {
		return err
	}
	if _, err := ss.run(ctx, saidScript, ss.args(kind+id, sealed)); err != nil {
		return fmt.Errorf("record what was said of %s: %w", id, err)
	}
	return nil
}

// openSaid returns the stored words in clear text; "" if this process cannot open them.
func openSaid(st *store, id, stored string) string {
	said, ok := st.openText(saidText(id), stored)
	if !ok {
		return ""
	}
	return said
}
