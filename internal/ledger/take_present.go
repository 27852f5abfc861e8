package ledger

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// holder is the part of an entry that Take needs to know when a document of its identity is handed
// in.
type holder struct {
	id       string
	state    State
	rev      int64
	revision int
	created  Millis
	overflow bool
	ref      string
	body     bool   // its document is in Redis
	unread   bool   // the entry cannot be read, so all else is unknown
	newer    bool   // the entry cannot be read because a newer build wrote it
	sick     string // a key that may name the document or its ref, and that another program wrote
	former   string // id of the revision before it, if this one is about to be written
}

func (h holder) result(t Taken) TakeResult {
	return TakeResult{
		Taken: t, ID: h.id, State: h.state, Rev: h.rev, Revision: h.revision, Overflow: h.overflow, Ref: h.ref, CreatedAt: h.created,
		Newer: h.newer, SickKey: h.sick,
	}
}

// present is what the ledger already has of a batch.
type present struct {
	now     Millis
	entries map[string]holder // by id
	newest  map[string]holder // by identity digest
	refs    refKeys
	pack    bool // new entries are packed
}

// readPresent reads what the ledger has of a batch. The transaction already watches the identities
// and refs. readPresent makes it also watch the ended documents that have one of these, because a
// person could retry such a document before the transaction is executed. Other entries are not
// watched. However they change, the outcome stays the same: the document is present already, or it
// is refused. If these entries were watched, workers that move them would break the transaction
// again and again.
func (ts *TakeStore) readPresent(ctx context.Context, tx *redis.Tx, batch []NewInvoice, idents []string, refs refKeys) (present, error) {
	refs.forget()
	s := present{refs: refs, entries: make(map[string]holder, len(batch)), newest: make(map[string]holder, len(batch))}
	ids := make([]string, len(batch), 2*len(batch))
	keys := make([]string, len(batch), 2*len(batch))
	for i := range batch {
		ids[i], keys[i] = batch[i].ID, ts.key(keyInvoice, batch[i].ID)
	}
	// Nearly always all invoices are new. Then only this round trip and the buckets of identities
	// are read. The new entries are written with the time that this round trip reads.
	var found *redis.IntCmd
	var receipted *redis.FloatSliceCmd // finds entries in buckets, even if their identity is lost
	var shapes *redis.IntCmd           // if its key is sick, new entries are not packed
	var home *redis.StringCmd
	clock := ts.clockCmd()
	if err := pipe(ctx, tx, func(p redis.Pipeliner) {
		found = p.Exists(ctx, slices.Concat(keys, idents, refs.keys)...)
		receipted = p.ZMScore(ctx, ts.key(keyState, string(Receipted)), ids...)
		home = p.Get(ctx, ts.key(keyHome))
		clock.ask(ctx, p)
		shapes = p.HLen(ctx, ts.key(keyShapes))
	}); err != nil {
		return s, err
	}
	if err := ts.home.stillHere(ctx, home); err != nil {
		return s, err
	}
	s.now = At(clock.now())
	s.pack = ts.EverybodyReads(ctx, FormatPacked) && shapes.Err() == nil
	listed := slices.ContainsFunc(receipted.Val(), func(score float64) bool { return score != 0 })
	frozen, err := ts.frozenIdentities(ctx, tx, batch)
	if err != nil || found.Val() == 0 && !listed && len(frozen) == 0 {
		return s, err
	}
	held, sick, err := namesIn(ctx, tx, idents)
	if err != nil {
		return s, err
	}
	// The buckets are read again, because an identity may have gone into its bucket just before its
	// own key was read.
	if frozen, err = ts.frozenIdentities(ctx, tx, batch); err != nil {
		return s, err
	}
	for i, there := range frozen {
		switch at := text(there); {
		case at == sickBucket: // it may hold this identity
			key, _ := bucketOfIdentity(&batch[i])
			s.entries[ids[i]] = holder{id: ids[i], unread: true, sick: key}
		case held[i] == "":
			held[i] = idOf(at)
		}
	}
	for _, id := range held {
		if id != "" {
			ids = append(ids, id)
		}
	}
	named, sickRefs, err := ts.readRefs(ctx, tx, refs)
	if err == nil {
		err = (&UnreadableStore{store: ts.store}).seeSickNames(ctx, ts.noteSickNames(s, ids, sick, sickRefs))
	}
	if err != nil {
		return s, err
	}
	all := append(ids, named...)
	if err := ts.readInto(ctx, tx, s.entries, all); err != nil {
		return s, err
	}
	if err := ts.readLost(ctx, tx, s.entries, all); err != nil {
		return s, err
	}
	var ended []string
	for _, id := range held {
		if s.entries[id].state.Ended() {
			ended = append(ended, id)
		}
	}
	for _, id := range named {
		if s.entries[id].state.Ended() && !slices.Contains(ended, id) {
			ended = append(ended, id)
		}
	}
	if len(ended) > 0 {
		watched := make([]string, len(ended))
		for i, id := range ended {
			watched[i] = ts.key(keyInvoice, id)
		}
		if err := tx.Watch(ctx, watched...).Err(); err != nil {
			return s, err
		}
		if err := ts.readInto(ctx, tx, s.entries, ended); err != nil { // again, now that they are watched
			return s, err
		}
	}
	for i, id := range held {
		if h, ok := s.entries[id]; ok {
			s.newest[strings.TrimPrefix(idents[i], ts.key(keyIdentity))] = h
		}
	}
	return s, nil
}

// holderFields are the fields of an entry that Take reads. The first four are followed by the
// pieces of a record, and then by every field that holds a number or a flag. If a number or a flag
// is damaged, nothing can send the invoice, so Take must not say that the invoice is on its way.
// The digest of the identity is last.
var holderFields = slices.Concat([]string{"state", "rev", "facts", shapeField}, pieceFields, countedFields(), []string{identField})

// countedFields returns the fields of an invoice's entry that are not text.
func countedFields() (names []string) {
	t := reflect.TypeFor[Invoice]()
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("redis") != "" && f.Type.Kind() != reflect.String {
			names = append(names, f.Tag.Get("redis"))
		}
	}
	return names
}

func holderRecord(row []any) []byte {
	return finalRecordIn(text(cell(row, 2)), func(k int) string { return text(cell(row, 4+k)) })
}

func (ts *TakeStore) readInto(ctx context.Context, tx *redis.Tx, entries map[string]holder, ids []string) error {
	rows, bodies := make([]*redis.SliceCmd, len(ids)), make([]*redis.IntCmd, len(ids))
	if err := pipe(ctx, tx, func(p redis.Pipeliner) {
		for i, id := range ids {
			rows[i] = p.HMGet(ctx, ts.key(keyInvoice, id), holderFields...)
			bodies[i] = p.Exists(ctx, ts.key(keyBody, id))
		}
	}); err != nil {
		return err
	}
	frozen, err := ts.frozenHolders(ctx, tx, ids, rows)
	if err != nil {
		return err
	}
	var records [][]byte
	for i, r := range rows {
		if f := frozen[ids[i]]; f != nil {
			records = append(records, packedIn(f))
			ts.shapes.learn(records[i], f[shapeField])
		} else {
			records = append(records, holderRecord(r.Val()))
			ts.shapes.learn(records[i], text(cell(r.Val(), 3)))
		}
	}
	if err := loadShapes(ctx, ts.store, records); err != nil {
		return err
	}
	for i, id := range ids {
		r := rows[i].Val()
		if f := frozen[id]; f != nil {
			r = []any{f["state"], f["rev"], f["facts"]}
		}
		if rows[i].Err() == nil && cell(r, 0) == nil && cell(r, 1) == nil && cell(r, 2) == nil {
			continue
		}
		var known Invoice
		var parsed error
		if records[i] != nil {
			parsed = known.unpackFinal(id, records[i], ts.shapes.of(records[i]))
		} else {
			parsed = known.unpackFacts(text(cell(r, 2)))
		}
		if frozen[id] == nil {
			parsed = cmp.Or(parsed, damaged(rows[i].Scan(&Invoice{})))
		}
		state, rev := State(text(cell(r, 0))), number(cell(r, 1))
		parsed = cmp.Or(parsed, countable(text(cell(r, 1)), rev))
		if ident := text(cell(r, len(holderFields)-1)); known.Number == "" && ident != "" {
			parsed = cmp.Or(parsed, ofIdentity(id, ident, known.Hash))
		}
		kept := (known.ID == "" || known.ID == id) && keptByEveryLayout(string(state), text(cell(r, 1)))
		if err := sound(known.V, parsed, known.ID == id && rev > 0, slices.Contains(States(), state), kept); err != nil {
			entries[id] = holder{id: id, unread: true, newer: errors.Is(err, ErrNewer)}
			continue
		}
		ref, ok := ts.openText(refText(id), known.Ref)
		if !ok {
			ref = encryptedRef
		}
		entries[id] = holder{
			id: id, state: state, rev: rev, revision: known.Revision, created: known.CreatedAt,
			overflow: known.Overflow, body: bodies[i].Val() > 0, ref: ref,
		}
	}
	return nil
}

// decide returns the outcome for each invoice of a batch, in order. An invoice that is created
// blocks later documents of its identity in the batch.
func (s present) decide(batch []NewInvoice, digests []string) []TakeResult {
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
		} else if of := s.otherOfRef(i, id); of.id != "" {
			out[i] = TakeResult{Taken: RefUsed, RefOf: of.id, RefState: of.state}
		} else {
			h := holder{
				id: id, state: Queued, rev: firstRev(s.now), revision: other.revision + 1, created: s.now,
				overflow: batch[i].Overflow, body: true, former: other.id, ref: batch[i].Ref,
			}
			s.entries[id], s.newest[digests[i]] = h, h
			for _, r := range s.refs.of[i] {
				s.refs.taken[r.key] = id
			}
			out[i] = h.result(Created)
		}
		if of := s.otherOfRef(i, out[i].ID); out[i].Taken != RefUsed && of.id != "" {
			out[i].RefOf, out[i].RefState = of.id, of.state
		}
	}
	return out
}
