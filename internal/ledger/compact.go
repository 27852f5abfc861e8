package ledger

import (
	"cmp"
	"context"
	"crypto/sha1" //nolint:gosec // Redis's scripts have no other digest, and this one only notices changes
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// compactPiece is how many entries one script packs; that takes Redis a few milliseconds.
const compactPiece = 100

// compactPage is how many entries of the index of receipted invoices are looked at in one step.
const compactPage = 500

// Compact packs entries of receipted invoices that are not packed yet. It looks at up to limit
// entries, and begins behind the last entry that any process looked at. Usually it finds none,
// because [InvoiceStore.Receipt] packs what it receipts. An entry is left over when an older build
// receipted it, when the process died, or when its document was still in the archive store. Nothing
// is packed until every process of the pool looks into buckets ([FormatStore]). Compact returns how
// many entries it packed.
func (is *InvoiceStore) Compact(ctx context.Context, limit int) (int, error) {
	n := 0
	for limit > 0 && is.EverybodyReads(ctx, FormatBuckets) {
		page := min(limit, compactPage)
		rows, err := is.run(ctx, nextScript, is.args(keyState+string(Receipted), page, int64(1)<<53, "compact:"))
		if err != nil {
			return n, fmt.Errorf("list receipted invoices: %w", err)
		}
		ids := make([]string, len(rows))
		for i, v := range rows {
			ids[i] = text(v)
		}
		if ids, err = notPacked(ctx, is.store, ids); err != nil {
			return n, err
		}
		packed, err := is.compact(ctx, ids, nil)
		if n += packed; err != nil {
			return n, err
		}
		if limit -= page; len(rows) < page {
			break
		}
	}
	return n, nil
}

// compact packs the entries that can be packed. If change is not nil, the entries are packed
// already. compact then calls change with each of them, and packs again each entry that change has
// altered. If change has sealed the ref again, digest is the new digest of the ref, otherwise "".
func (st *store) compact(ctx context.Context, ids []string, change func(*Invoice) (digest string, changed bool)) (int, error) {
	n := 0
	if change == nil && !st.EverybodyReads(ctx, FormatBuckets) {
		return 0, nil // the script would refuse it
	}
	var shapes writtenShapes
	for ids := range slices.Chunk(ids, compactPiece) {
		cmds, err := st.readEntries(ctx, ids)
		if err != nil {
			return n, fmt.Errorf("pack entries: %w", err)
		}
		if err := loadShapesOf(ctx, st, cmds); err != nil {
			return n, err
		}
		var args []any
		for i, id := range ids {
			args = st.appendPacked(args, id, cmds[i], &shapes, change)
		}
		if len(args) == 0 {
			continue
		}
		r, err := st.run(ctx, compactScript, st.args(args...))
		if err != nil {
			return n, fmt.Errorf("pack entries: %w", err)
		}
		n += int(number(cell(r, 0)))
	}
	return n, nil
}

// notPacked returns those ids whose entries have keys of their own. A few of these entries may have
// the packed form all the same: an older build packed them there, or they left their bucket to be
// changed.
func notPacked(ctx context.Context, st *store, ids []string) ([]string, error) {
	facts := make([]*redis.StringCmd, len(ids))
	if err := st.pipe(ctx, func(p redis.Pipeliner) {
		for i, id := range ids {
			facts[i] = p.HGet(ctx, st.key(keyInvoice, id), "facts")
		}
	}); err != nil {
		return nil, fmt.Errorf("pack entries: %w", err)
	}
	var out []string
	for i, id := range ids {
		if facts[i].Val() != "" {
			out = append(out, id)
		}
	}
	return out, nil
}

// appendPacked appends the arguments with which lua/compact.lua packs one entry. It appends none
// when the entry has to stay as it is.
func (st *store) appendPacked(args []any, id string, cmd *redis.MapStringStringCmd, shapes *writtenShapes,
	change func(*Invoice) (string, bool)) []any {
	m := cmd.Val()
	if m["state"] != string(Receipted) || m["body_archived"] == "1" || m["owed"] != "" || m["shedding"] != "" || !inBuckets(id) {
		return args
	}
	inv, err := st.stored(id, cmd)
	if err != nil || !onlyKnown(m, &inv) {
		return args
	}
	inv.Said = "" // it waits for nothing any more
	digest := ""
	if change != nil {
		var changed bool
		if digest, changed = change(&inv); !changed {
			return args
		}
	}
	record, shape, err := packFinal(&inv, shapes)
	if err != nil || len(record) >= finalPiece*finalPieces {
		return args
	}
	var again Invoice
	err = again.unpackFinal(id, record, shape)
	again.Rev, again.State = inv.Rev, inv.State
	if err != nil || again != inv { // the entry has what a record cannot hold
		return args
	}
	f := frozen{rev: m["rev"], ref: cmp.Or(digest, m[refDigestField]), heads: headsOf(&inv), record: record}
	if m[refDigestField] == "" {
		f.ref = ""
	}
	value, err := f.pack()
	if err != nil {
		return args
	}
	digestOfShape := shapeDigest(shape.text)
	st.shapes.keep(string(digestOfShape), shape.text)
	ident := Identity{inv.NIP, inv.Kind, inv.Number}.digest()
	name, field := identityBucket(ident)
	return append(args, id, inv.Rev, changeTag(m), m[frozenField], digestOfShape, shape.text,
		ident, name, field, rawID(id), m[refDigestField], f.ref, value)
}

// stored reads an entry with its texts as they are stored.
func (st *store) stored(id string, cmd *redis.MapStringStringCmd) (inv Invoice, err error) {
	m := cmd.Val()
	if record := packedIn(m); record != nil {
		if err = inv.unpackFinal(id, record, st.shapes.of(record)); err != nil {
			own, _ := fromBrief(m[shapeField]) // its tenant is known all the same
			inv.ID, inv.Tenant = id, own.Tenant
		}
		return inv, cmp.Or(err, damaged(cmd.Scan(&inv)))
	}
	scanned := damaged(cmd.Scan(&inv))
	return inv, cmp.Or(inv.unpackFacts(m["facts"]), scanned)
}

// packageOf returns the package that a packed entry names. Scripts cannot read this name. packageOf
// returns "" if the entry cannot be read now.
func packageOf(ctx context.Context, st *store, id string) string {
	cmds, err := st.readEntries(ctx, []string{id})
	if err != nil || loadShapesOf(ctx, st, cmds) != nil {
		return ""
	}
	inv, err := st.stored(id, cmds[0])
	if err != nil {
		return ""
	}
	return inv.Package
}

// packedIn returns the record of a packed entry, nil if it is not packed.
func packedIn(m map[string]string) []byte {
	if value, ok := m[frozenField]; ok && m["facts"] == finalFacts {
		f, _ := unpackFrozen(value) // an error gives an empty record, which cannot be unpacked
		return append([]byte{}, f.record...)
	}
	return finalRecordIn(m["facts"], func(k int) string { return m[pieceFields[k]] })
}

// headIn returns the first bytes of the record of a packed entry. They name the shape of the entry.
// The result is nil if the entry is not packed.
func headIn(m map[string]string) []byte {
	if _, frozen := m[frozenField]; frozen || m["facts"] != finalFacts {
		return packedIn(m)
	}
	return []byte(m[pieceFields[0]])
}

// changeTag is a digest that the script compares, to see whether an entry is still as it was read.
func changeTag(m map[string]string) string {
	sum := sha1.Sum([]byte(strings.Join([]string{ //nolint:gosec // see above
		m["facts"], m["reason"], m["body_archived"], m["shedding"], m["owed"], m[refDigestField], m["0"]}, "\n")))
	return hex.EncodeToString(sum[:])
}

// headsOf returns the first 12 characters of each sealed text of a record. They are the layout and
// the id of the key.
func headsOf(i *Invoice) string {
	var b strings.Builder
	for _, t := range []string{i.File, i.Ref, i.Reason} {
		if packed, ok := strings.CutPrefix(t, sealedText); ok && len(packed) >= 12 {
			b.WriteString(packed[:12])
		}
	}
	return b.String()
}

// onlyKnown reports whether this build knows all fields of an entry. Packing would lose a field
// that a newer build has added.
func onlyKnown(m map[string]string, inv *Invoice) bool {
	for field := range m {
		if !invoiceFields[field] {
			return false
		}
	}
	if m["facts"] == finalFacts {
		return true
	}
	f := storedFacts{Facts: inv.Facts}
	var was storedFacts
	if json.Unmarshal([]byte(m["facts"]), &was) != nil {
		return false
	}
	f.Ident, f.Hash = was.Ident, was.Hash
	packed, err := json.Marshal(f)
	return err == nil && string(packed) == m["facts"] && f.Ident == Identity{inv.NIP, inv.Kind, inv.Number}.digest() && inv.Group == ""
}

// invoiceFields are the names of all fields that this build writes into an entry.
var invoiceFields = func() map[string]bool {
	out := map[string]bool{"facts": true, refDigestField: true, identField: true, headsField: true, shapeField: true, "body_archived": true,
		frozenField: true}
	for _, field := range pieceFields {
		out[field] = true
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Invoice]()) {
		if tag := f.Tag.Get("redis"); tag != "" {
			out[tag] = true
		}
	}
	return out
}()
