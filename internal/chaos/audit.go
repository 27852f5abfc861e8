//go:build unix

package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/testbed"
)

// auditor checks a run that is over.
type auditor struct{ *run }

// audit compares what was handed in with the simulator's books and the archive. It reads the ledger
// only for two checks. The last outcome that the receiver was told must be the ledger's, and
// entries of a newer version must be unchanged.
func (au *auditor) audit(took time.Duration) (Figures, error) {
	a := testbed.AuditBooks(au.bed.Simulator.Books())
	partial := au.countPartial(a.Books.Faults)
	f := Figures{
		Seed: au.o.Seed, Invoices: len(au.export.items), Repeated: au.export.repeated,
		Faults: a.Books.Faults, Partial: partial, Disruptions: au.counts,
		Sessions: map[string]int{}, Throttled: a.Books.Faults[simulator.TooMany], Took: took,
	}
	for _, n := range a.Books.Requests {
		f.Requests += n
	}
	for _, s := range a.Books.Sessions {
		f.Sessions[s.Lane]++
	}
	var errs []error
	if au.bucket != nil {
		errs = append(errs, au.bucket.copyTo(au.bed.ArchiveDir()))
	}
	archive, err := readArchive(au.bed.ArchiveDir())
	errs = append(errs, err)
	errs = append(errs, au.checkLogs(&f)...)
	errs = append(errs, au.checkLimits(&f, a.Books.Violations)...)
	errs = append(errs, au.checkPartial(&f, a)...)
	errs = append(errs, au.checkWays(&f, a.Books)...)
	errs = append(errs, au.checkClients(&f, archive)...)
	handedIn := map[testbed.Invoice]bool{}
	for _, it := range au.export.items {
		invoice := it.invoice()
		handedIn[invoice] = true
		if err := checkInvoice(&f, it, a.Accepted[invoice], a.Rejected[invoice], archive); err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", it.nip, it.number, err))
		}
	}
	for invoice := range a.Accepted {
		if !handedIn[invoice] {
			errs = append(errs, fmt.Errorf("KSeF accepted %s of %s, which nobody handed in", invoice.Number, invoice.NIP))
		}
	}
	return f, joinFirst(errs)
}

// maxPrinted bounds how many errors of a failed run are printed. The first errors show what is
// wrong; two thousand more do not help.
const maxPrinted = 20

func joinFirst(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if n := len(errs) - maxPrinted; n > 0 {
		errs = append(errs[:maxPrinted:maxPrinted], fmt.Errorf("and %d more", n))
	}
	return errors.Join(errs...)
}

// checkClients checks and counts what the exporter's receiver and watched folder have got.
func (au *auditor) checkClients(f *Figures, a *archived) []error {
	all, _ := au.receiver.received()
	f.Told, f.Files, f.Receiver = len(all), len(au.inbox.drops), au.receiver.failed()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return append(au.checkTold(ctx), au.inbox.check(a)...)
}

// checkLogs counts the starts of the workers and searches their logs for what must never be in
// them. It is no error that a worker ended by itself, because a worker that is started while Redis
// is away must give up.
func (au *auditor) checkLogs(f *Figures) []error {
	var errs []error
	f.WatchStarts = au.inbox.watch.started()
	for _, w := range append(au.allWorkers(), au.inbox.watch) {
		if w != au.inbox.watch {
			f.Starts += w.started()
		}
		data, err := os.ReadFile(w.log)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, word := range append([]string{"panic:", "DATA RACE", "fatal error:"}, au.o.secrets()...) {
			if i := strings.Index(string(data), word); i >= 0 {
				errs = append(errs, fmt.Errorf("%s wrote: %s", w.name, data[i:min(len(data), i+2000)]))
			}
		}
	}
	return errs
}
