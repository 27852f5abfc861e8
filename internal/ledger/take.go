package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Taken says what became of one invoice that was handed to the ledger.
type Taken string

// The outcomes of [Ledger.Take].
const (
	Created Taken = "created" // a new entry, queued
	Present Taken = "present" // the same document is here already; nothing was written
	Refused Taken = "refused" // another document of the same identity is in the way; nothing was written
	// Unread says that there is an entry of this document, or of its identity, that cannot be read:
	// nothing was written, because it may be alive or accepted.
	Unread Taken = "unread"
)

// TakeResult tells the outcome; ID, State and Rev are those of the entry in question: for [Refused] that of the other
// document.
type TakeResult struct {
	Taken    Taken
	ID       string
	State    State
	Rev      int64
	Revision int
	Overflow bool // see [Invoice]; it stays what it was when the entry was made
}

// NewInvoice is what is handed in. Body is the sealed document (see [Bodies]); nil when it was put into the archive store.
type NewInvoice struct {
	Invoice
	Body []byte
	// AskEnded lets a document of the same identity that has ended stand in the way, too: the answer
	// is [Refused] with its state, and the caller compares the two. Without it the new document takes
	// the number, as the next revision.
	AskEnded bool
}

// takeBatch bounds one transaction: about 200 documents of 3 kB are moved in a few milliseconds, during which Redis
// serves nobody else.
const takeBatch = 200

// takeTries bounds how often a batch is begun anew because somebody else took in one of its identities meanwhile. Whoever comes second finds the invoices
// present, so only three or more that hand in the same files at once ever need a third try.
const takeTries = 16

// Take writes entries for new invoices, each on its own: one refused does not stop the others. From the
// moment it returns [Created] the invoice is never lost: the sweep drives it on even when nothing was queued for it.
//
// State, revisions and times of the given entries are ignored. An error means that the outcome of the batch is
// not known; handing in the same invoices again is safe. A [*ReplicaError] is one of those: the entries are
// there, and a failover could take them back.
//
// It is the one verb that is not a script. It compares and sets all the same, by WATCH and EXEC: nothing but an identity that nobody holds can be taken, so what has to be
// compared is known beforehand. A script cost Redis twice the time for this, most of it for handing documents through Lua, and this verb bounds how fast enqueue is. A Redis client
// never repeats EXEC on another connection, where nothing is watched; TestTake_AnswerLost holds it to that.
func (l *Ledger) Take(ctx context.Context, invoices []NewInvoice) ([]TakeResult, error) {
	out := make([]TakeResult, 0, len(invoices))
	for batch := range slices.Chunk(invoices, takeBatch) {
		results, err := l.takeAll(ctx, batch)
		if err != nil {
			return out, fmt.Errorf("take in invoices: %w", err)
		}
		out = append(out, results...)
	}
	return out, nil
}

func (l *Ledger) takeAll(ctx context.Context, batch []NewInvoice) (results []TakeResult, err error) {
	digests := make([]string, len(batch))
	idents := make([]string, len(batch))
	for i := range batch {
		digests[i] = Identity{batch[i].NIP, batch[i].Kind, batch[i].Number}.digest()
		idents[i] = l.key(keyIdentity, digests[i])
	}
	for range takeTries {
		err = l.rdb.Watch(ctx, func(tx *redis.Tx) error {
			there, err := l.lookUp(ctx, tx, batch, idents)
			if err != nil {
				return err
			}
			results = there.judge(batch, digests)
			if err := l.writeNew(ctx, tx, batch, digests, results, there); err != nil {
				return err
			}
			return l.waitFor(ctx, tx) // also for those that are present: who handed them in first may have waited in vain
		}, idents...)
		if !errors.Is(err, redis.TxFailedErr) {
			break
		}
	}
	return results, err
}

// holder is an entry as far as taking in another document of its identity has to know it.
type holder struct {
	id       string
	state    State
	rev      int64
	revision int
	overflow bool
	body     bool   // its document is in Redis
	unread   bool   // it is there and cannot be read: nothing else is known of it
	former   string // id of the revision before it, when it is about to be written
}

func (h holder) result(t Taken) TakeResult {
	return TakeResult{Taken: t, ID: h.id, State: h.state, Rev: h.rev, Revision: h.revision, Overflow: h.overflow}
}

// shelf is what the ledger holds already of a batch.
type shelf struct {
	now     Millis
	entries map[string]holder // by id
	newest  map[string]holder // by identity digest
}

// lookUp reads what is there. The transaction watches the identities; here it comes to watch entries that hold one and have ended, too: a person could send them again in between. Others are
// not watched: whatever becomes of them meanwhile, they are present or in the way, and a pool at work on them would break the transaction time and again.
func (l *Ledger) lookUp(ctx context.Context, tx *redis.Tx, batch []NewInvoice, idents []string) (shelf, error) {
	s := shelf{entries: make(map[string]holder, len(batch)), newest: make(map[string]holder, len(batch))}
	ids := make([]string, len(batch), 2*len(batch))
	keys := make([]string, len(batch), 2*len(batch))
	for i := range batch {
		ids[i], keys[i] = batch[i].ID, l.key(keyInvoice, batch[i].ID)
	}
	// Nearly always all are new, which one command tells. What is written then bears the time of
	// this look.
	var found *redis.IntCmd
	clock := l.clockCmd()
	if _, err := tx.Pipelined(ctx, func(p redis.Pipeliner) error {
		found = p.Exists(ctx, append(keys, idents...)...)
		clock.ask(ctx, p)
		return nil
	}); err != nil {
		return s, err
	}
	s.now = At(clock.now())
	if found.Val() == 0 {
		return s, nil
	}
	held, err := tx.MGet(ctx, idents...).Result()
	if err != nil {
		return s, err
	}
	for _, id := range held {
		if id != nil {
			ids = append(ids, text(id))
		}
	}
	if err := l.readInto(ctx, tx, s.entries, ids); err != nil {
		return s, err
	}
	var ended []string
	for _, id := range held {
		if s.entries[text(id)].state.Ended() {
			ended = append(ended, text(id))
		}
	}
	if len(ended) > 0 {
		watched := make([]string, len(ended))
		for i, id := range ended {
			watched[i] = l.key(keyInvoice, id)
		}
		if err := tx.Watch(ctx, watched...).Err(); err != nil {
			return s, err
		}
		if err := l.readInto(ctx, tx, s.entries, ended); err != nil { // as they are now that they are watched
			return s, err
		}
	}
	for i, id := range held {
		if h, ok := s.entries[text(id)]; ok {
			s.newest[strings.TrimPrefix(idents[i], l.key(keyIdentity))] = h
		}
	}
	return s, nil
}

func (l *Ledger) readInto(ctx context.Context, tx *redis.Tx, entries map[string]holder, ids []string) error {
	rows, bodies := make([]*redis.SliceCmd, len(ids)), make([]*redis.IntCmd, len(ids))
	if err := pipe(ctx, tx, func(p redis.Pipeliner) {
		for i, id := range ids {
			rows[i] = p.HMGet(ctx, l.key(keyInvoice, id), "state", "rev", "facts")
			bodies[i] = p.Exists(ctx, l.key(keyBody, id))
		}
	}); err != nil {
		return err
	}
	for i, id := range ids {
		r := rows[i].Val()
		if rows[i].Err() == nil && cell(r, 0) == nil && cell(r, 1) == nil && cell(r, 2) == nil {
			continue
		}
		var known Invoice
		parsed := known.unpackFacts(text(cell(r, 2)))
		state, rev := State(text(cell(r, 0))), number(cell(r, 1))
		if err := sound(known.V, parsed, known.ID == id && rev > 0, slices.Contains(States(), state)); err != nil {
			entries[id] = holder{id: id, unread: true}
			continue
		}
		entries[id] = holder{id: id, state: state, rev: rev, revision: known.Revision, overflow: known.Overflow, body: bodies[i].Val() > 0}
	}
	return nil
}

// judge says what becomes of each of a batch, one after the other: one that is taken in stands in the way of the next of its identity.
func (s shelf) judge(batch []NewInvoice, digests []string) []TakeResult {
	out := make([]TakeResult, len(batch))
	for i := range batch {
		id := batch[i].ID
		other, taken := s.newest[digests[i]]
		if h, here := s.entries[id]; here && h.unread {
			out[i] = h.result(Unread)
		} else if here {
			out[i] = h.result(Present)
		} else if taken && other.unread {
			out[i] = other.result(Unread)
		} else if taken && (!other.state.Ended() || batch[i].AskEnded) {
			out[i] = other.result(Refused)
		} else {
			h := holder{id: id, state: Queued, rev: 1, revision: other.revision + 1, overflow: batch[i].Overflow, body: true, former: other.id}
			s.entries[id], s.newest[digests[i]] = h, h
			out[i] = h.result(Created)
		}
	}
	return out
}

// writeNew writes what was created. What all have in common goes in one command each.
func (l *Ledger) writeNew(ctx context.Context, tx *redis.Tx, batch []NewInvoice, digests []string, results []TakeResult, there shelf) error {
	now := there.now
	strs := make([]any, 0, 4*len(batch))
	queued, due := make([]redis.Z, 0, len(batch)), make([]redis.Z, 0, len(batch))
	sellers := map[Identity]bool{}
	cmds, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for i := range batch {
			n := &batch[i]
			if here := there.entries[n.ID]; results[i].Taken == Present && n.Body != nil && here.state != Receipted {
				// It was lost or damaged: parked because of that, an invoice could never go on. The id says that it is the same document.
				if here.state == Parked {
					p.Set(ctx, l.key(keyBody, n.ID), n.Body, 0)
				} else if !here.body {
					p.SetNX(ctx, l.key(keyBody, n.ID), n.Body, 0)
				}
			}
			if results[i].Taken != Created {
				continue
			}
			fields := []any{"rev", results[i].Rev, "state", string(Queued), "number", n.Number, "deadline", int64(n.Deadline), "lane", string(n.Lane), "size", n.Size,
				"facts", n.packFacts(now, digests[i], results[i].Revision), "updated_at", int64(now)}
			if n.BodyArchived {
				fields = append(fields, "body_archived", "1", "body_seal", n.BodySeal)
			}
			p.HSet(ctx, l.key(keyInvoice, n.ID), fields...)
			if former := there.entries[n.ID].former; former != "" {
				p.SAdd(ctx, l.key(keyRevisions, digests[i]), former, n.ID)
			}
			strs = append(strs, l.key(keyIdentity, digests[i]), n.ID)
			if n.Body != nil {
				strs = append(strs, l.key(keyBody, n.ID), n.Body)
			}
			queued = append(queued, redis.Z{Score: float64(now), Member: n.ID})
			due = append(due, redis.Z{Score: float64(n.Deadline), Member: n.ID})
			sellers[Identity{NIP: n.NIP, Kind: n.Kind}] = true
		}
		if len(queued) == 0 {
			return nil
		}
		p.MSet(ctx, strs...)
		p.ZAdd(ctx, l.key(keyState, string(Queued)), queued...)
		p.ZAdd(ctx, l.key(keyDue), due...)
		for s := range sellers {
			p.SAdd(ctx, l.key(keySellers), s.NIP+"|"+s.Kind)
		}
		return nil
	})
	if redis.HasErrorPrefix(err, "EXECABORT") {
		for _, cmd := range cmds { // the error itself does not tell why
			if cmd.Err() != nil {
				return cmd.Err()
			}
		}
	}
	return err
}
