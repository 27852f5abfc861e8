package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/xid"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/settlement"
)

// carryOut writes what a decision says, in the order of its fields. When somebody else has moved
// one of the invoices, it leaves out the fields after LetIn, and the run decides again. It reports
// whether the run is over.
func (c *confirmation) carryOut(ctx context.Context, d settlement.Decision, now time.Time) (done bool, err error) {
	w, p := c.w, c.p
	c.listed.Stage++
	c.listed.Conflicts = 0
	if d.Gone != nil {
		c.listed.Gone = d.Gone
	}
	if err := c.note(ctx, d.Package); err != nil {
		return true, err
	}
	if d.Renew {
		c.t.Invalidate()
	}
	if d.Refusal != nil {
		if err := c.countRefusal(ctx, d.Refusal, now); err != nil {
			return true, err
		}
	}
	if d.Through {
		if err := w.Ledger.NoteThrough(ctx, p.Tenant, p.ClosingAt); err != nil {
			return true, err
		}
	}
	if d.Denial != nil {
		if err := c.deny(ctx, d.Denial, now); err != nil {
			return true, err
		}
	}
	if c.listed.Conflicts, err = w.writer.write(ctx, p, d.Moves, d.LetIn); err != nil || c.listed.Conflicts > 0 {
		return err != nil, err
	}
	if d.Doubt != nil {
		if err := c.doubt(ctx, d.Doubt, now); err != nil {
			return true, err
		}
	}
	if d.Listed {
		if err := c.noteListed(ctx); err != nil {
			return true, err
		}
	}
	if d.Lookup {
		if err := (&finder{c}).originals(ctx); err != nil {
			return true, notYet(err)
		}
	}
	if d.Split != nil {
		if err := w.writer.split(ctx, p, *d.Split); err != nil {
			return true, err
		}
	}
	if d.End != nil {
		if err := w.writer.end(ctx, p, *d.End); err != nil {
			return true, err
		}
	}
	if d.TellRest {
		w.writer.tellRest(ctx, p)
	}
	if d.Receipt {
		if err := w.Queue.Put(ctx, queue.KindReceipt, p.ID, 0, queue.When{}); err != nil {
			return true, err
		}
	}
	if d.Wait != nil {
		return true, w.polls.comeBack(p, d.Wait)
	}
	return d.Over, nil
}

func (c *confirmation) note(ctx context.Context, e settlement.PackageEdit) error {
	var edit ledger.PackageEdit
	if e.Code != 0 {
		edit = edit.Code(e.Code)
	}
	if !e.Lost.IsZero() {
		edit = edit.Lost(ledger.At(e.Lost))
	}
	if len(edit) == 0 {
		return nil
	}
	return c.edit(ctx, edit)
}

func (c *confirmation) countRefusal(ctx context.Context, r *settlement.Refusal, now time.Time) error {
	c.w.o.Log.Warn().Str("package", c.p.ID).Str("session", c.p.Session).
		Int("code", r.Code).Int("refusals", r.Refusals).Str("reason", r.Reason).
		Msg("session refused as a whole")
	if !r.Counted {
		return nil
	}
	return c.w.Ledger.NoteRefused(ctx, c.p.Tenant, now, r.Reason)
}

// deny counts the invoices that KSeF refused with code 410. When KSeF lets in nothing of the
// tenant, deny also pauses the tenant, and after that it notes the denial, from which the length of
// the next pause follows. If the process dies between the pause and the note, only the next pause
// is too short. In the other order, there would be no pause at all.
func (c *confirmation) deny(ctx context.Context, d *settlement.Denial, now time.Time) error {
	w, tenant := c.w, c.p.Tenant
	if err := w.Ledger.NoteAnswered410(ctx, tenant, d.Own, d.ForOthers); err != nil || d.Pause == 0 {
		return err
	}
	if err := w.Budget.Pause(ctx, tenant, d.Pause); err != nil {
		return err
	}
	if err := w.Ledger.NoteDenied(ctx, tenant, now.Add(d.Pause)); err != nil {
		return err
	}
	w.o.Log.Error().Str("tenant", tenant).Str("session", c.p.Session).Int("invoices", d.Waiting).Stringer("for",
		d.Pause.Round(time.Millisecond)).
		Msg("KSeF lets nothing of this tenant in (410): it is paused and its invoices stay queued; " +
			"does its key_file hold another taxpayer's key, or a key without the permission to send?" + sellersToo(d))
	return nil
}

// sellersToo says what else can be wrong when the tenant issued every denied invoice for others.
func sellersToo(d *settlement.Denial) string {
	if d.Own > 0 {
		return ""
	}
	return " Or have the sellers not granted it the permission to issue their invoices?"
}

func (c *confirmation) doubt(ctx context.Context, d *settlement.Doubt, now time.Time) error {
	if err := c.w.writer.note(ctx, c.p, d.Notes); err != nil || !d.Begin {
		return err
	}
	if err := c.edit(ctx, ledger.PackageEdit{}.Doubt(ledger.At(now))); err != nil {
		return err
	}
	c.w.o.Log.Warn().Str("package", c.p.ID).Str("session", c.p.Session).
		Int("invoices", len(d.Notes)).Int("listed", d.Listed).Int("counted", d.Counted).
		Msg("the session does not account for every invoice: nothing is sent again, and KSeF is asked about the session again")
	return nil
}

// noteListed writes that the session's list need not be read again. From then on only invoices with
// the mark OriginalBy are looked for. An undecided invoice lacks the mark if somebody else has
// moved it meanwhile. In that case noteListed writes nothing.
func (c *confirmation) noteListed(ctx context.Context) error {
	unmarked := func(inv *ledger.Invoice) bool { return inv.OriginalBy == "" }
	if slices.ContainsFunc(c.held.Undecided(c.p.ID), unmarked) {
		return nil
	}
	return c.edit(ctx, ledger.PackageEdit{}.Listed())
}

// split puts undecided invoices of a package into other packages, and ends the package, except when
// s.End is "". s.Proof names the proof that KSeF cannot have those invoices. Without a proof, split
// moves none of them and returns an error.
func (w *writer) split(ctx context.Context, p *ledger.Package, s settlement.Split) error {
	if len(s.Parts) > 0 && s.Proof == 0 {
		return fmt.Errorf("split %s: nothing proves that KSeF does not have its invoices", p.ID)
	}
	if s.Park != nil {
		if err := w.park(ctx, *s.Park); err != nil {
			return err
		}
	}
	parts := slices.Clone(s.Parts)
	for i := range parts {
		if parts[i].ID == "" {
			parts[i].ID = "pkg-" + xid.New().String()
		}
		if s.In > 0 {
			parts[i].NotBefore = ledger.At(w.o.Now().Add(s.In))
		}
	}
	if err := w.repack(ctx, p, s.End, s.Reason, parts); err != nil {
		return err
	}
	for _, part := range parts {
		if len(part.IDs) == 0 {
			continue
		}
		if err := w.Queue.Put(ctx, queue.KindPackage, part.ID, 0, queue.When{In: s.In}); err != nil {
			return err // the sweep finds the package
		}
	}
	if s.End == ledger.PackageSettled {
		return w.Queue.Put(ctx, queue.KindReceipt, p.ID, 0, queue.When{})
	}
	return nil
}

// end moves a package to its end. A package in closing that is to be settled is moved to processing
// first, because a package cannot move from closing to settled directly.
func (w *writer) end(ctx context.Context, p *ledger.Package, e settlement.End) error {
	if p.State == ledger.PackageClosing && e.State == ledger.PackageSettled {
		if err := w.processing(ctx, p); err != nil {
			return err
		}
	}
	err := w.movePackage(ctx, p, ledger.PackageMove{To: e.State,
		Edit: ledger.PackageEdit{}.Code(e.Code).Reason(e.Reason).Filed(false)})
	if err == nil && e.Code == ksef.SessionProcessed {
		w.o.Log.Info().Str("package", p.ID).Str("session", p.Session).Int("invoices", p.Count).Msg("package settled")
	}
	return err
}

// comeBack returns the error that brings the task back. The error of a request stays in it, because
// circuits and growing pauses depend on that error.
func (ps *pollSchedule) comeBack(p *ledger.Package, wait *settlement.Wait) error {
	switch {
	case wait.Err != nil:
		return notYet(wait.Err)
	case wait.Poll:
		return because(ps.pollLater(p, wait.What), wait.Cause)
	}
	return because(later(wait.Delay, wait.Reason, wait.What), wait.Cause)
}

// because adds the cause to the error of a task that waits.
func because(err, cause error) error {
	if later, ok := errors.AsType[*retry.LaterError](err); ok {
		later.Err = cause
	}
	return err
}
