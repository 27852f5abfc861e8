package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// ErrNotFound is returned for an id that the ledger does not know.
var ErrNotFound = errors.New("not in the ledger")

// EntryReader reads entries of invoices and packages, and lists them.
type EntryReader struct{ *store }

// Invoice reads one entry. It returns [ErrNotFound] if the entry does not exist, and an
// [*UnreadableError] if the entry cannot be read.
func (er *EntryReader) Invoice(ctx context.Context, id string) (Invoice, error) {
	cmds, err := er.readEntries(ctx, []string{id})
	if err != nil {
		return Invoice{}, fmt.Errorf("read %s: %w", id, err)
	}
	if err := loadShapesOf(ctx, er.store, cmds); err != nil {
		return Invoice{}, err
	}
	inv, bad, err := er.readInvoice(id, cmds[0])
	if bad != nil {
		unread := []Unreadable{*bad}
		if err := noteLists(ctx, er.store, unread); err != nil {
			return inv, fmt.Errorf("read %s: %w", id, err)
		}
		return inv, some(unread)
	}
	return inv, one(id, nil, err)
}

// Known reports for each id whether there is an entry, in one round trip.
func (er *EntryReader) Known(ctx context.Context, ids []string) ([]bool, error) {
	cmds, frozen := make([]*redis.IntCmd, len(ids)), make([]*redis.BoolCmd, len(ids))
	if err := er.pipe(ctx, func(p redis.Pipeliner) {
		for i, id := range ids {
			cmds[i] = p.Exists(ctx, er.key(keyInvoice, id))
			if inBuckets(id) {
				key, field := er.bucketOf(id)
				frozen[i] = p.HExists(ctx, key, field)
			}
		}
	}); err != nil {
		return nil, fmt.Errorf("check invoices (%d): %w", len(ids), err)
	}
	out := make([]bool, len(ids))
	for i, c := range cmds {
		out[i] = c.Val() > 0 || frozen[i] != nil && frozen[i].Val()
	}
	return out, nil
}

// Package reads one package. The errors are those of Invoice.
func (er *EntryReader) Package(ctx context.Context, id string) (Package, error) {
	p, bad, err := er.readPackage(id, er.rdb.HGetAll(ctx, er.key(keyPackage, id)))
	return p, one(id, bad, err)
}

func one(id string, bad *Unreadable, err error) error {
	switch {
	case bad != nil:
		return &UnreadableError{Entries: []Unreadable{*bad}}
	case err != nil:
		return fmt.Errorf("read %s: %w", id, err)
	}
	return nil
}

// Invoices reads entries, a thousand at a time, in the given order. Ids without an entry are left
// out. With an [*UnreadableError] it returns all entries that could be read.
func (er *EntryReader) Invoices(ctx context.Context, ids []string) ([]Invoice, error) {
	out, err := many(ctx, er.store, keyInvoice, ids, er.readInvoice)
	if unread, _ := Skip(err); len(unread) > 0 {
		if err := noteLists(ctx, er.store, unread); err != nil {
			return nil, fmt.Errorf("read entries: %w", err)
		}
		return out, some(unread)
	}
	return out, err
}

// Packages reads packages as Invoices reads invoices.
func (er *EntryReader) Packages(ctx context.Context, ids []string) ([]Package, error) {
	return many(ctx, er.store, keyPackage, ids, er.readPackage)
}

func many[E any](ctx context.Context, l *store, kind string, ids []string,
	read func(string, *redis.MapStringStringCmd) (E, *Unreadable, error)) ([]E, error) {
	out := make([]E, 0, len(ids))
	var unread []Unreadable
	for chunk := range slices.Chunk(ids, 1000) {
		cmds, err := l.readKind(ctx, kind, chunk)
		if err != nil {
			return nil, fmt.Errorf("read entries: %w", err)
		}
		if kind == keyInvoice {
			if err := loadShapesOf(ctx, l, cmds); err != nil {
				return nil, err
			}
		}
		for i, cmd := range cmds {
			switch e, bad, err := read(chunk[i], cmd); {
			case bad != nil:
				unread = append(unread, *bad)
			case err == nil:
				out = append(out, e)
			case !errors.Is(err, ErrNotFound):
				return nil, fmt.Errorf("read %s: %w", chunk[i], err)
			}
		}
	}
	return out, some(unread)
}

// readKind reads all fields of entries of invoices or packages.
func (st *store) readKind(ctx context.Context, kind string, ids []string) ([]*redis.MapStringStringCmd, error) {
	if kind == keyInvoice {
		return st.readEntries(ctx, ids)
	}
	cmds := make([]*redis.MapStringStringCmd, len(ids))
	return cmds, st.pipe(ctx, func(p redis.Pipeliner) {
		for i, id := range ids {
			cmds[i] = p.HGetAll(ctx, st.key(kind, id))
		}
	})
}

func (er *EntryReader) readInvoice(id string, cmd *redis.MapStringStringCmd) (inv Invoice, bad *Unreadable, err error) {
	m, bad, err := fieldsOf(keyInvoice+id, id, cmd)
	if m == nil {
		return inv, bad, err
	}
	inv, why := er.stored(id, cmd)
	openTexts(er.store, id, &inv)
	whole := inv.ID == id && inv.Rev > 0 && inv.State != ""
	kept := inv.ID == "" || inv.ID == id // the facts of a newer layout may be elsewhere, without an id
	err = sound(inv.V, cmp.Or(why, countable(m["rev"], inv.Rev), ofAnother(id, &inv)), whole, slices.Contains(States(), inv.State),
		kept && keptByEveryLayout(m["state"], m["rev"]))
	if bad = unread(keyInvoice+id, id, m, err); bad != nil && inv.ID == id { // otherwise inv has another invoice's facts
		bad.Tenant = inv.Tenant
	}
	return inv, bad, nil
}

func (er *EntryReader) readPackage(id string, cmd *redis.MapStringStringCmd) (p Package, bad *Unreadable, err error) {
	m, bad, err := fieldsOf(keyPackage+id, id, cmd)
	if m == nil {
		return p, bad, err
	}
	scanned := damaged(cmd.Scan(&p))
	p.Reason, p.Said = openReason(er.store, id, p.Reason), openSaid(er.store, id, p.Said)
	v, _ := strconv.Atoi(m["v"]) // not p.V: the scan may have stopped at a field before it
	whole := p.ID == id && p.Rev > 0 && p.State != ""
	err = sound(v, cmp.Or(scanned, countable(m["rev"], p.Rev)), whole, slices.Contains(PackageStates(), p.State),
		keptByEveryLayout(m["state"], m["rev"]))
	return p, unread(keyPackage+id, id, m, err), nil
}

// fieldsOf returns the fields of an entry. If there are none, it returns the reason: the key holds
// another type, the key does not exist, or Redis did not answer.
func fieldsOf(key, id string, cmd *redis.MapStringStringCmd) (map[string]string, *Unreadable, error) {
	m, err := cmd.Result()
	switch {
	case wrongType(err):
		opaque := fmt.Errorf("%w: its key holds a value of the wrong type", errDamaged)
		return nil, &Unreadable{ID: id, Key: key, Err: opaque, Opaque: true}, nil
	case err != nil:
		return nil, nil, err
	case len(m) == 0:
		return nil, nil, ErrNotFound
	}
	return m, nil, nil
}

func unread(key, id string, m map[string]string, err error) *Unreadable {
	if err == nil {
		return nil
	}
	u := &Unreadable{ID: id, Key: key, Err: err, Package: m["package"]}
	if stateForm.MatchString(m["state"]) {
		u.State = m["state"]
	}
	return u
}

// damaged says what is wrong without quoting the value, which may be anything.
func damaged(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: a field that should be a number is not a number", errDamaged)
}

// countable returns nil if a revision can be incremented, and otherwise why not. Redis increments
// only numbers in the form that it writes itself. With a revision like "01" every move would
// conflict or fail half way. A revision that is missing is not reported here, because sound reports
// it.
func countable(stored string, rev int64) error {
	if rev == 0 || stored == strconv.FormatInt(rev, 10) && len(stored) <= maxRevision {
		return nil
	}
	return fmt.Errorf("%w: its revision is not a number as Redis writes it", errDamaged)
}

// maxRevision is how many digits a revision has at most. It is bounded because scripts compute with
// doubles.
const maxRevision = 15
