package httpintake

import (
	"context"
	"errors"
	"strings"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

const (
	// insteadTime bounds a search of the archive, which may have to look into every month.
	insteadTime = 10 * time.Second
	// insteadMost is how many damaged entries a call looks up in the archive.
	insteadMost = 40
)

// invoiceOrInstead returns the entry that the path of a call names. When the entry is damaged and
// the archive has the invoice, it returns the archived result instead, and no error. Its other
// errors are those of the method invoice.
func (co *core) invoiceOrInstead(c *call) (inv ledger.Invoice, instead *results.Result, err error) {
	inv, err = co.invoice(c, c.r.PathValue("id"))
	if of, ok := errors.AsType[*lostError](err); ok {
		if instead = of.lost.instead(); instead != nil {
			return inv, instead, nil
		}
	}
	return inv, nil, err
}

// lost is an entry that cannot be read, with what the archive says of its invoice.
type lost struct {
	ledger.Unreadable                 // with the tenant, if the ledger or the archive knows it
	archived          *results.Result // nil when the archive was not asked, or does not have it
}

// newLost returns what is known of an entry. archived are the results of a search, by id. A result
// is ignored if its tenant is not the one that the ledger names.
func newLost(u *ledger.Unreadable, archived map[string]results.Result) lost {
	l := lost{Unreadable: *u}
	if r, ok := archived[u.ID]; ok && r.Tenant != "" && (u.Tenant == "" || u.Tenant == r.Tenant) {
		l.Tenant, l.archived = r.Tenant, &r
	}
	return l
}

// The ledger forgets an invoice some time after its last change (ledger.retention). forgotten
// returns what the archive has of such an invoice of the client. It returns nil when the archive
// has nothing of the invoice, or when the invoice is another client's. The error says that the
// archive could not be asked, that a part of it where the invoice may be cannot be read, or that it
// has the document and has lost the result. Receipts are not read: they do not name ids, and an id
// that never existed would cost reading all of them.
func (co *core) forgotten(c *call, id string) (*lost, error) {
	if !strings.HasPrefix(id, "inv-") {
		return nil, nil
	}
	u := ledger.Unreadable{ID: id, Key: "inv:" + id, Err: ledger.ErrNotFound}
	archived, err := co.askArchive(c, []string{id}, func(ctx context.Context) ([]results.Result, error) {
		return co.o.Records.FindForgotten(ctx, id)
	})
	if err == nil && len(archived) == 0 && co.o.ArchiveThere != nil {
		err = co.o.ArchiveThere(c.ctx())
	}
	l := newLost(&u, archived)
	if l.archived == nil || !c.owns(l.Tenant) {
		return nil, err
	}
	return &l, nil
}

// instead returns the archived result if it tells how the invoice stands, and otherwise nil.
func (l *lost) instead() *results.Result {
	if l.archived != nil && (errors.Is(l.Err, ledger.ErrNotFound) || records.Stands(&l.Unreadable, l.archived)) {
		return l.archived
	}
	return nil
}

// lostError says that an entry cannot be read.
type lostError struct{ lost *lost }

func (e *lostError) Error() string { return "read " + e.lost.ID + ": " + e.lost.Err.Error() }

func (l *lost) answer() invoiceAnswer {
	if r := l.instead(); r != nil {
		return answerOf(*r)
	}
	return answerOf(results.WithoutEntry(&l.Unreadable))
}

// archived asks the archive for the invoices of damaged entries. The tenant of such an entry is
// often not known, but the archived result says it. With an error, out has what was found, and an
// invoice that is not in out may still be in the archive.
func (co *core) archived(c *call, ids ...string) (out map[string]results.Result, err error) {
	if len(ids) == 0 {
		return map[string]results.Result{}, nil
	}
	return co.askArchive(c, ids, func(ctx context.Context) ([]results.Result, error) { return co.o.Records.FindIDs(ctx, ids) })
}

// askArchive carries out a search of the archive for some ids, and returns what it finds, by id. A
// client may have only one such search at a time, because many would slow down the calls of others.
func (co *core) askArchive(c *call, ids []string, search func(context.Context) ([]results.Result, error)) (
	out map[string]results.Result, err error,
) {
	out = map[string]results.Result{}
	select {
	case c.client.looking <- struct{}{}:
		defer func() { <-c.client.looking }()
	case <-c.ctx().Done():
		return out, context.Cause(c.ctx())
	}
	ctx, cancel := context.WithTimeout(c.ctx(), insteadTime)
	defer cancel()
	found, err := search(ctx)
	if err != nil {
		co.o.Log.Warn().Err(err).Str("request_id", c.id).Strs("invoices", ids).
			Msg("the archive could not be asked for all invoices that the ledger does not have, or has damaged")
	}
	for i := range found {
		if _, newer := out[found[i].ID]; !newer {
			out[found[i].ID] = found[i]
		}
	}
	return out, err
}
