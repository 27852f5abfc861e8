package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// filing is some invoices of a package on their way into the archive: written piece by piece, made
// durable together, then moved. One that cannot be archived stays behind with its reason, and the
// others go on.
type filing struct {
	w     *Worker
	upos  attestations
	files []*file
}

// file is one of them. Its invoice shows the state that is about to be written.
type file struct {
	inv    ledger.Invoice
	was    ledger.Invoice // as it was read
	names  []string       // what was written
	damage string         // what a person is told of a damaged object that it met; "" is none
	err    error          // why it could not be archived
}

// write puts documents and results of one piece. The error is of what all need: Redis, or an
// archive that is out of service.
func (f *filing) write(ctx context.Context, invs []ledger.Invoice) error {
	release, err := f.w.receiptMemory.hold(ctx, invs)
	if err != nil {
		return err
	}
	defer release()
	docs, docErrs, err := f.w.documents(ctx, invs)
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(archiveParallel)
	for i := range invs {
		one := &file{inv: invs[i], was: invs[i]}
		doc, err := f.prepare(ctx, one, docs[i], docErrs[i])
		docs[i] = nil
		if errors.Is(err, errElsewhere) {
			continue
		}
		f.files = append(f.files, one)
		if one.err = err; err != nil {
			continue
		}
		g.Go(func() error {
			if one.err = f.w.archiveOne(ctx, one, doc); one.err != nil && f.w.givesUp(ctx) {
				return one.err
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// givesUp reports that nothing else can be archived now either.
func (w *Worker) givesUp(ctx context.Context) bool {
	return ctx.Err() != nil || archive.HealthOf(w.Store).Out
}

// errElsewhere marks an invoice that needs nothing here: it is archived, or on its way again in
// another package.
var errElsewhere = errors.New("nothing to archive")

// prepare decides what is to be archived of an invoice.
func (f *filing) prepare(ctx context.Context, one *file, doc []byte, docErr error) ([]byte, error) {
	inv := &one.inv
	switch inv.State {
	case ledger.Accepted:
		if docErr != nil {
			var err error
			if doc, err = f.w.fetchAgain(ctx, inv); err != nil {
				return nil, notYet(err)
			}
		}
		if inv.UPO = f.upos.url(inv); inv.UPO != "" {
			inv.State, inv.Reason = ledger.Receipted, ""
		} else if why := f.upos.contradiction(inv); why != "" {
			inv.Reason = why // KSeF has it: it stays accepted, whatever its receipt says
		} else if f.upos.overdue || f.upos.session(inv) == "" {
			inv.Reason = f.upos.owed(inv)
		}
		return doc, nil
	case ledger.Rejected, ledger.Parked, ledger.Dismissed, ledger.Superseded:
		return doc, nil
	}
	// One that is receipted has been archived in full: its state is written after that.
	return nil, errElsewhere
}

// archiveOne writes document and result of an invoice. What it finds damaged is noted in file and
// in the result.
func (w *Worker) archiveOne(ctx context.Context, one *file, doc []byte) error {
	inv := &one.inv
	if doc != nil {
		taken, bad, err := w.keep(w.documentName(ctx, inv, doc), func(name string, _ []string) error {
			return w.Store.Put(ctx, name, doc, "application/xml")
		})
		if err != nil {
			return err
		}
		one.names = append(one.names, taken)
		if bad != nil {
			one.met(w.besideDamaged(bad, taken))
		}
	}
	name := archive.ResultName(inv.NIP, inv.IssueDate, inv.ID)
	taken, bad, err := w.keep(name, func(name string, bad []string) error {
		told := *inv
		if bad != nil {
			told.Reason = join(told.Reason, w.besideDamaged(bad, name))
		}
		result, err := json.MarshalIndent(results.Of(told, w.o.Environment), "", "  ")
		if err != nil {
			return err
		}
		return w.Store.Replace(ctx, name, append(result, '\n'), "application/json")
	})
	if err != nil {
		return err
	}
	one.names = append(one.names, taken)
	if bad != nil {
		one.met(w.besideDamaged(bad, taken))
	}
	return nil
}

// met notes damage once, however often the invoice comes by.
func (f *file) met(damage string) {
	f.damage = join(f.damage, damage)
	if !strings.Contains(f.inv.Reason, damage) {
		f.inv.Reason = join(f.inv.Reason, damage)
	}
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// flush makes durable what was written. When that fails and the archive goes on, each is asked for
// by itself: a file that cannot be brought to disk is one invoice's.
func (f *filing) flush(ctx context.Context) error {
	var names []string
	for _, one := range f.files {
		if one.err == nil {
			names = append(names, one.names...)
		}
	}
	if len(names) == 0 {
		return nil
	}
	err := f.w.Store.Flush(ctx, names...)
	if err == nil || f.w.givesUp(ctx) {
		return err
	}
	for _, one := range f.files {
		if one.err == nil {
			one.err = f.w.Store.Flush(ctx, one.names...)
		}
		if f.w.givesUp(ctx) {
			return err
		}
	}
	return nil
}
