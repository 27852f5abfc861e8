package tasks

import (
	"context"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
	"ksefworker/internal/settlement"
)

// search looks the originals of invoices up in the register's metadata, one part of the register
// after the other.
func (f *finder) search(ctx context.Context, want []*ledger.Invoice) error {
	for _, as := range settlement.Subjects() {
		var some []*ledger.Invoice
		for _, inv := range want {
			if settlement.SubjectOf(inv) == as {
				some = append(some, inv)
			}
		}
		if len(some) == 0 {
			continue
		}
		if err := f.searchAs(ctx, as, some); err != nil {
			return err
		}
	}
	return nil
}

// searchAs reads one part of the register page after page. It writes the invoices that it found on
// a page before it writes where the pass through the register stands. In the other order, a crash
// between the two would lose the invoices that were just found.
func (f *finder) searchAs(ctx context.Context, as ksef.SubjectType, want []*ledger.Invoice) error {
	if f.t.FindsByNumber() && settlement.ByNumber(want) {
		return f.searchByNumber(ctx, as, want)
	}
	w, p := f.w, f.p
	if err := f.beginPass(ctx, as, want); err != nil {
		return err
	}
	for from := p.SearchFrom.Time(); ; {
		now := w.o.Now()
		req, rest, done := settlement.NextPage(*p, as, len(want), from, now)
		switch {
		case rest != nil:
			return w.polls.comeBack(p, rest)
		case done:
			return f.parkNotFound(ctx, want)
		}
		page, err := f.t.Metadata(ctx, req)
		if withheld(err) {
			w.o.Log.Warn().Str("package", p.ID).Err(err).Msg("the register cannot be searched")
			return f.parkNotFound(ctx, want)
		}
		if err != nil {
			return f.breakPass(ctx, now, err)
		}
		found, left := settlement.Found(want, page.Invoices)
		for _, m := range found {
			if err := w.writer.writeOne(ctx, p, m); err != nil {
				return err
			}
		}
		if want = left; len(want) == 0 {
			return nil
		}
		step := settlement.AfterPage(*p, req, page, now)
		switch {
		case step.GiveUp:
			return f.parkNotFound(ctx, want)
		case step.Rest > 0:
			if err := f.restFromPass(ctx, now, step.Rest); err != nil {
				return err
			}
			return w.polls.comeBack(p, settlement.NotFoundYet(step.Rest, len(want)))
		}
		if err := f.stepOn(ctx, step); err != nil {
			return err
		}
		from = step.From
	}
}

// beginPass writes where a pass through the register begins. If the last pass was through another
// part of the register, beginPass first forgets how far that pass came. A pass that has begun
// starts again when an older invoice, dated before the start of the pass, was added to the search.
func (f *finder) beginPass(ctx context.Context, as ksef.SubjectType, want []*ledger.Invoice) error {
	if err := f.newPass(ctx, as); err != nil {
		return err
	}
	from, err := settlement.PassFrom(*f.p, want)
	if err != nil || from.IsZero() {
		return err
	}
	at := ledger.At(from)
	return f.edit(ctx, ledger.PackageEdit{}.SearchFirst(at).SearchAt(at, 0))
}

func (f *finder) newPass(ctx context.Context, as ksef.SubjectType) error {
	if !settlement.NewPass(*f.p, as) {
		return nil
	}
	return f.edit(ctx, ledger.PackageEdit{}.SearchAs(string(as)).SearchAt(0, 0).Searched(0).Passes(0, 0))
}

// stepOn writes where the pass stands.
func (f *finder) stepOn(ctx context.Context, s settlement.Step) error {
	return f.edit(ctx, ledger.PackageEdit{}.SearchAt(ledger.At(s.From), s.Offset).Searched(f.p.Searched+1))
}

// breakPass returns the error with which a search ends for now when a page of the register could
// not be fetched. The search goes on at that page later. Three kinds of cause are returned
// unchanged: a cause that names a time, such as a limit or a freeze; a cause with the verdict
// retry.Again or retry.Never; and a stop of the process. Any other cause, such as an answer that
// cannot be read, costs a request at each try and may last. After such a cause, breakPass counts
// the pass as ended, so that the pauses between passes grow.
func (f *finder) breakPass(ctx context.Context, now time.Time, cause error) error {
	v := retry.Judge(cause)
	if v.Delay > 0 || v.Action == retry.Never || v.Action == retry.Again || v.Reason == retry.ReasonStopping {
		return cause
	}
	pause := settlement.PassRest(f.p.Passes)
	if err := f.restFromPass(ctx, now, pause); err != nil {
		return err
	}
	return &retry.LaterError{Delay: pause, Reason: v.Reason, What: "a page of KSeF's register", Err: cause}
}

// restFromPass writes when the next pass may begin.
func (f *finder) restFromPass(ctx context.Context, now time.Time, pause time.Duration) error {
	return f.edit(ctx, ledger.PackageEdit{}.Passes(f.p.Passes+1, ledger.At(now.Add(pause))))
}

func (f *finder) parkNotFound(ctx context.Context, want []*ledger.Invoice) error {
	for _, inv := range want {
		if err := f.w.writer.writeOne(ctx, f.p, settlement.NotFound(inv)); err != nil {
			return err
		}
	}
	return nil
}
