package tasks

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/rs/xid"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/settlement"
)

// When a stored document cannot be read at present although the archive answers, only its own
// invoice is held up. Such invoices move to another package, which waits. They are not parked,
// because the documents may well be there. The other invoices of their package are sent. A person
// sees the reason and repairs the archive. When the archive as a whole does not answer, the package
// waits with all its invoices.

// maxSetAside is the number of unreadable documents that ends a build. It is small, because each of
// them may hang until its timeout. A later build goes on with the other documents of the package.
const maxSetAside = 8

// unreadReason begins the reason of an invoice that waits for its stored document.
const unreadReason = "its stored document cannot be read: "

// unreadDocument is an invoice whose stored document cannot be read, and why.
type unreadDocument struct {
	inv ledger.Invoice
	why error
}

// onlyThisObject reports whether an unreadable document is itself at fault, rather than the
// archive. A check of the archive tells which. Without the check, three damaged objects in a row
// would be taken for an archive that is out of service.
func (d *documents) onlyThisObject(ctx context.Context, err error) bool {
	var call *archive.CallError
	if !errors.As(err, &call) || d.archiving.givesUp(ctx) {
		return !d.archiving.givesUp(ctx)
	}
	check := d.Store.Check(ctx)
	return (check == nil || errors.Is(check, archive.ErrCorrupt)) && !d.archiving.givesUp(ctx)
}

// setAside moves invoices whose documents cannot be read out of a package that is about to be
// opened. kept is how many documents of the package could be read. If kept is 0, the package itself
// waits. The flag more says that some documents were not tried.
func (d *documents) setAside(ctx context.Context, p *ledger.Package, unread []unreadDocument, kept int, more bool) error {
	part := ledger.Part{ID: "pkg-" + xid.New().String(), Refusals: p.Refusals}
	for i := range unread {
		one := &unread[i]
		part.IDs = append(part.IDs, one.inv.ID)
		reason := unreadReason + one.why.Error() +
			"; the invoice waits until it can be read, and the others of its package are sent: look at " +
			d.Store.URL(archive.BodyName(one.inv.ID))
		if one.inv.Reason == reason {
			continue
		}
		if err := d.writer.note(ctx, p, []settlement.Move{{Invoice: &one.inv, Fate: settlement.Keep, Reason: reason}}); err != nil {
			return err
		}
		d.o.Log.Error().Str("id", one.inv.ID).Str("package", p.ID).Err(one.why).
			Msg("the stored document of an invoice cannot be read: the invoice waits, and the others of its package are sent")
	}
	if kept == 0 {
		pause := archiveRefused // some were not tried, and they come first in the next build
		if !more {
			pause = retry.PollPause(d.o.Now().Sub(p.CreatedAt.Time()), archiveRefused, time.Hour)
		}
		return &retry.LaterError{Delay: pause, Reason: retry.ReasonArchive,
			What: "no stored document of the package can be read", Err: unread[0].why}
	}
	// One step makes the new package for these invoices and takes them out of this one. This
	// package goes on with the invoices that are left in it.
	if err := d.repack(ctx, p, "", p.Reason, []ledger.Part{part}); err != nil {
		return err
	}
	p.Count -= len(part.IDs)
	return d.Queue.Put(ctx, queue.KindPackage, part.ID, 0, queue.When{In: archiveRefused})
}

// unreadLast moves the invoices whose documents could not be read the last time to the end, so that
// a build reaches the others.
func unreadLast(invs []ledger.Invoice) []ledger.Invoice {
	unread := func(inv ledger.Invoice) bool { return strings.HasPrefix(inv.Reason, unreadReason) }
	last := slices.DeleteFunc(slices.Clone(invs), func(inv ledger.Invoice) bool { return !unread(inv) })
	return append(slices.DeleteFunc(invs, unread), last...)
}

// readAgain removes the reason of an invoice whose document can be read again.
func (d *documents) readAgain(ctx context.Context, inv *ledger.Invoice) error {
	if !strings.HasPrefix(inv.Reason, unreadReason) {
		return nil
	}
	return d.writer.note(ctx, &ledger.Package{ID: inv.Package}, []settlement.Move{{Invoice: inv, Fate: settlement.Keep}})
}
