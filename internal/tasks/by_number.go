package tasks

import (
	"context"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/settlement"
)

// proveByNumber asks KSeF's register of invoices for the originals of duplicates. It asks for the
// originals that KSeF has named and that no receipt proves. It returns the duplicates whose
// originals the register leaves unproven, and those about which the register could not be asked.
// The caller compares the documents of these invoices. So no invoice waits for a limit of the
// register, or for a register that hangs.
func (f *finder) proveByNumber(ctx context.Context, named []*ledger.Invoice) (left []*ledger.Invoice, err error) {
	if !f.t.FindsByNumber() || !settlement.ByNumber(named) {
		return named, nil
	}
	for i, inv := range named {
		move, err := f.askByNumber(ctx, inv)
		if err != nil {
			return append(left, named[i:]...), nil
		}
		if move == nil || move.Fate != settlement.Accept {
			left = append(left, inv)
			continue
		}
		if err := f.w.writer.writeOne(ctx, f.p, *move); err != nil {
			return append(left, named[i+1:]...), err
		}
	}
	return left, nil
}

// searchByNumber looks for a few originals, each by its number. It writes what it finds before the
// next request.
func (f *finder) searchByNumber(ctx context.Context, as ksef.SubjectType, want []*ledger.Invoice) error {
	w, p := f.w, f.p
	now := w.o.Now()
	switch _, rest, done := settlement.NextPage(*p, as, len(want), now, now); {
	case rest != nil:
		return w.polls.comeBack(p, rest)
	case done:
		return f.parkNotFound(ctx, want)
	}
	var left []*ledger.Invoice
	for i, inv := range want {
		move, err := f.askByNumber(ctx, inv)
		switch {
		case withheld(err):
			w.o.Log.Warn().Str("package", p.ID).Err(err).Msg("the register cannot be searched")
			return f.parkNotFound(ctx, append(left, want[i:]...))
		case err != nil:
			return f.breakPass(ctx, now, err)
		case move == nil:
			left = append(left, inv)
			continue
		}
		if err := w.writer.writeOne(ctx, p, *move); err != nil {
			return err
		}
	}
	if len(left) == 0 {
		return nil
	}
	rest, giveUp := settlement.RestAfterSearch(*p, now)
	if giveUp {
		return f.parkNotFound(ctx, left)
	}
	if err := f.restFromPass(ctx, now, rest); err != nil {
		return err
	}
	return w.polls.comeBack(p, settlement.NotFoundYet(rest, len(left)))
}

// askByNumber returns what the register says about one invoice, or nil when the register does not
// list it. Each of its requests counts as one page of the package's search in the register.
func (f *finder) askByNumber(ctx context.Context, inv *ledger.Invoice) (*settlement.Move, error) {
	requests, err := settlement.NumberRequests(inv, f.w.o.Now())
	if err != nil {
		return nil, err
	}
	for _, r := range requests {
		page, err := f.t.Metadata(ctx, r)
		if err != nil {
			return nil, err
		}
		if err := f.edit(ctx, ledger.PackageEdit{}.Searched(f.p.Searched+1)); err != nil {
			return nil, err
		}
		if found, _ := settlement.Found([]*ledger.Invoice{inv}, page.Invoices); len(found) > 0 {
			return &found[0], nil
		}
	}
	return nil, nil
}
