package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/together"
)

// Taken is the outcome of handing one invoice to the ledger.
type Taken string

// The outcomes of [Ledger.Take].
const (
	Created Taken = "created" // a new entry, queued
	Present Taken = "present" // the same document is already here; its body is restored if needed
	Refused Taken = "refused" // another document of the same identity is in the way; nothing was written
	// Unread: the entry of this document, or of its identity, cannot be read. Nothing was written,
	// because that invoice may be alive or accepted.
	Unread Taken = "unread"
	// RefUsed: the ref of this document names another invoice of the tenant, which is alive or
	// accepted. Nothing was written.
	RefUsed Taken = "ref_used"
)

// TakeResult is the outcome for one invoice. ID, State, Rev, Revision and CreatedAt are those of
// its entry, or with [Refused] those of the other document. With [Unread] they are what is known of
// the entry that cannot be read. With [RefUsed] they are not set.
type TakeResult struct {
	Taken    Taken
	ID       string
	State    State
	Rev      int64
	Revision int
	Overflow bool   // see [Invoice]; it never changes
	Ref      string // of the entry with this ID, not that of the document; "" with [Unread] and [RefUsed]
	// RefOf is the id of the invoice that the document's ref names, if that invoice is alive or
	// accepted and has another ID. Otherwise it is "". RefState is the state of that invoice, or ""
	// if its entry cannot be read.
	RefOf     string
	RefState  State
	CreatedAt Millis
	Newer     bool // with [Unread]: a newer build wrote the entry; otherwise the entry is damaged
	// SickKey is set with [Unread] if there is no entry, and nobody knows whether the number or the
	// ref of the document is free, because another program wrote this key.
	SickKey string
}

// NewInvoice is an invoice that is handed in. Body is the sealed document (see [Bodies]); nil if it
// is in the archive store.
type NewInvoice struct {
	Invoice
	Body []byte
	// AskEnded matters when another document of the same identity has ended. With AskEnded the
	// outcome is [Refused] with the state of that document, and the caller compares the two.
	// Without AskEnded the new document takes the identity, as the next revision.
	AskEnded bool
}

// takeBatch bounds one transaction: Redis writes 200 documents of 3 kB in a few milliseconds, and
// serves nobody else meanwhile.
const takeBatch = 200

// takeTries bounds how often a batch is tried. A try fails when another process changes a watched
// key meanwhile, for example by taking in an invoice with one of the identities. The next try finds
// that invoice present, so more than two tries are rare.
const takeTries = 16

// TakeStore takes new invoices in, as long as Redis has memory.
type TakeStore struct {
	*store
	replication *Replication
	invoices    *InvoiceStore
	seals       *SealStore
	home        *HomeStore
	joined      together.Calls[NewInvoice, TakeResult]
	reads       together.Calls[struct{}, Intake]
}

// Take writes entries for new invoices, independently of each other. If one of them is refused, the
// others are still taken in. After Take has returned [Created], the invoice is never lost, because
// the sweep queues it if its task is missing.
//
// Take returns a [*HomeError] if the ledger belongs to another environment or gateway than this
// process has claimed. It returns a [*FormatError] if a newer build writes the ledger in a format
// that this build does not know, because this build would overlook some documents there.
//
// State, revisions and times of the given entries are ignored. After an error the outcome of the
// batch is unknown, and it is safe to hand in the same invoices again. Take does that by itself
// when it has carried out several calls together, so [Present] may be an invoice that this call
// created. With a [*ReplicaError] the entries are there, but a failover could lose them.
//
// Take is the only operation that changes entries without a script. It compares and sets with WATCH
// and EXEC. It knows beforehand what has to be compared, because it can only take an identity that
// no living document has. As a script it took Redis twice the time, most of it for passing
// documents through Lua. That matters, because Take determines how fast enqueue is. The Redis
// client never repeats EXEC on another connection, where nothing is watched. TestTake_AnswerLost
// checks that.
func (ts *TakeStore) Take(ctx context.Context, invoices []NewInvoice) ([]TakeResult, error) {
	out := make([]TakeResult, 0, len(invoices))
	for batch := range slices.Chunk(invoices, takeBatch) {
		results, err := ts.joined.Do(ctx, batch, ts.takeAll)
		if err != nil {
			return out, fmt.Errorf("take in invoices: %w", err)
		}
		out = append(out, results...)
	}
	return out, nil
}

func (ts *TakeStore) takeAll(ctx context.Context, batch []NewInvoice) (results []TakeResult, err error) {
	digests := make([]string, len(batch))
	idents := make([]string, len(batch), 2*len(batch))
	for i := range batch {
		digests[i] = Identity{batch[i].NIP, batch[i].Kind, batch[i].Number}.digest()
		idents[i] = ts.key(keyIdentity, digests[i])
	}
	refs := ts.refKeys(batch)
	watched := append(slices.Concat(idents, refs.keys), ts.key(keyHome))
	var there present
	for range takeTries {
		err = ts.rdb.Watch(ctx, func(tx *redis.Tx) (err error) {
			if there, err = ts.readPresent(ctx, tx, batch, idents, refs); err != nil {
				return err
			}
			results = there.decide(batch, digests)
			if err := ts.writeNew(ctx, tx, batch, digests, results, there); err != nil {
				return err
			}
			return ts.replication.waitFor(ctx,
				tx) // also for invoices that were present: the process that created them may not have heard from the replicas yet
		}, watched...)
		if !errors.Is(err, redis.TxFailedErr) {
			break
		}
	}
	if err == nil {
		err = ts.restore(ctx, batch, results, there)
	}
	return results, err
}

// writeNew writes the invoices that are created. Each index is written with one command for all.
func (ts *TakeStore) writeNew(
	ctx context.Context, tx *redis.Tx, batch []NewInvoice, digests []string, results []TakeResult, there present,
) error {
	now := there.now
	strs := make([]any, 0, 4*len(batch))
	queued, due := make([]redis.Z, 0, len(batch)), make([]redis.Z, 0, len(batch))
	sellers := map[Identity]bool{}
	var shapes *newShapes
	if there.pack {
		shapes = &newShapes{}
	}
	cmds, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for i := range batch {
			n := &batch[i]
			if here := there.entries[n.ID]; results[i].Taken == Present && n.Body != nil && here.state != Receipted {
				// The stored document may be lost or damaged. An invoice that was parked because of
				// that could otherwise never go on. The id proves that this is the same document.
				if here.state == Parked {
					p.Set(ctx, ts.key(keyBody, n.ID), n.Body, 0)
				} else if !here.body {
					p.SetNX(ctx, ts.key(keyBody, n.ID), n.Body, 0)
				}
			}
			if results[i].Taken != Created {
				continue
			}
			fields, err := ts.invoices.newEntry(&n.Invoice, now, digests[i], results[i].Revision, shapes)
			if err != nil {
				return err
			}
			if own := there.refs.of[i]; len(own) > 0 {
				fields = append(fields, refDigestField, own[0].digest)
				for k, r := range own {
					// Under the digest of another storage key, the index may name an ended invoice
					// for this ref. It is made to name the new invoice there too, because otherwise
					// the ended invoice could be retried with the same ref.
					if k == 0 || there.refs.held[r.key] != "" {
						strs = append(strs, r.key, n.ID)
					}
				}
			}
			if n.BodyArchived {
				fields = append(fields, "body_archived", "1", "body_seal", n.BodySeal)
			}
			p.HSet(ctx, ts.key(keyInvoice, n.ID), fields...)
			if former := there.entries[n.ID].former; former != "" {
				p.SAdd(ctx, ts.key(keyRevisions, digests[i]), former, n.ID)
			}
			strs = append(strs, ts.key(keyIdentity, digests[i]), n.ID)
			if n.Body != nil {
				strs = append(strs, ts.key(keyBody, n.ID), n.Body)
			}
			queued = append(queued, redis.Z{Score: float64(now), Member: n.ID})
			due = append(due, redis.Z{Score: float64(n.Deadline), Member: n.ID})
			sellers[Identity{NIP: n.NIP, Kind: n.Kind}] = true
		}
		if len(queued) == 0 {
			return nil
		}
		if shapes != nil {
			// The name of a shape is the digest of its text. So writing the shape again changes
			// nothing, or it repairs a shape that is damaged.
			for digest, text := range shapes.texts {
				p.HSet(ctx, ts.key(keyShapes), digest, text)
				ts.shapes.keep(digest, text)
			}
		}
		p.MSet(ctx, strs...)
		p.ZAdd(ctx, ts.key(keyState, string(Queued)), queued...)
		p.ZAdd(ctx, ts.key(keyDue), due...)
		for s := range sellers {
			p.SAdd(ctx, ts.key(keySellers), s.NIP+"|"+s.Kind)
		}
		return nil
	})
	return whyAborted(cmds, notSick(cmds, err))
}
