package ledger

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDismiss_SaysWhoWhenAndWhy_AndEndsItForGood(t *testing.T) {
	w := oneWorld(t)
	inv := w.move(w.take(w.fresh())[0], Parked, change{"code", 415}, change{"reason", "no permission for attachments"})
	w.must(w.Dismiss(ctx(), &inv, Dismissal{By: "anna", Reason: "the sale was cancelled"}))
	inv = w.again(inv)
	if inv.State != Dismissed || inv.Code != 415 {
		t.Errorf("the invoice is %s with code %d, want dismissed with 415", inv.State, inv.Code)
	}
	for _, part := range []string{
		"dismissed 2026-11-23T13:00:00+01:00 by anna: the sale was cancelled",
		"parked with code 415: no permission for attachments",
	} {
		if !strings.Contains(inv.Reason, part) {
			t.Errorf("the reason %q does not say %q", inv.Reason, part)
		}
	}
	w.unchanged(func() { w.conflict(w.Retry(ctx(), &inv)) })
	if next := w.take(document(inv.NIP, inv.Kind, inv.Number, "second"))[0]; next.Revision != 2 {
		t.Errorf("the next document of the number has revision %d, want 2", next.Revision)
	}
}

// A person dismissed the wrong invoice, and takes the dismissal back. The entry records this for
// good.
func TestTakeBack_NumberIsFree_IsQueuedAndStaysOnRecord(t *testing.T) {
	w := oneWorld(t)
	inv := w.move(w.take(w.fresh())[0], Parked, change{"code", 415}, change{"reason", "no permission"})
	w.must(w.Dismiss(ctx(), &inv, Dismissal{By: "anna", Reason: "Jan Kowalski cancelled: yes"}))
	inv = w.again(inv)
	w.must(w.TakeBack(ctx(), &inv, "jan"))
	const want = "dismissed 2026-11-23T13:00:00+01:00 by anna, taken back 2026-11-23T13:00:00+01:00 by jan"
	inv = w.again(inv)
	if inv.State != Queued || inv.Code != 0 || inv.Reason != "" || inv.TakenBack != want {
		t.Errorf("the invoice is %s with code %d, reason %q, TakenBack %q: want it queued, with only TakenBack set",
			inv.State, inv.Code, inv.Reason, inv.TakenBack)
	}
	if due, err := w.Due(ctx(), inv.Deadline.Time(), 10); err != nil || !slices.Equal(due, []string{inv.ID}) {
		t.Errorf("the index of deadlines has %v (error %v), want the invoice again", due, err)
	}
	w.lead(inv, Accepted)
	if got := w.again(inv); got.TakenBack != want {
		t.Errorf("after the invoice was accepted, TakenBack is %q: want it unchanged", got.TakenBack)
	}
}

func TestTakeBack_AnotherDocumentTookTheNumber_IsAConflict(t *testing.T) {
	next := worlds(t)
	for _, s := range []State{Queued, Packed, Sent, Accepted, Receipted} {
		t.Run(string(s), func(t *testing.T) {
			w := next(t)
			first := w.move(w.take(document(sellerA, "VAT", "FV/1", "first"))[0], Dismissed)
			second := w.take(document(sellerA, "VAT", "FV/1", "second"))[0]
			if s != Queued {
				w.lead(second, s)
			}
			w.unchanged(func() { w.conflict(w.TakeBack(ctx(), &first, "jan")) })
		})
	}
}

func TestTakeBack_WhatIsNotDismissed_IsAConflict(t *testing.T) {
	next := worlds(t)
	for _, s := range States() {
		if s == Dismissed {
			continue
		}
		t.Run(string(s), func(t *testing.T) {
			w := next(t)
			inv := w.invoiceIn(s)
			w.unchanged(func() { w.conflict(w.TakeBack(ctx(), &inv, "jan")) })
		})
	}
}

func TestDismiss_OneThatWaits_LeavesItsWaitingSet(t *testing.T) {
	w := oneWorld(t)
	invs := w.waiting(2)
	w.must(w.Dismiss(ctx(), &invs[0], Dismissal{By: "anna", Reason: "twice"}))
	p := w.cut(invs[1].WaitingGroup(), CutLimits{Invoices: 10, Bytes: 1 << 20})
	if ids, err := w.Members(ctx(), p.ID); err != nil || !slices.Equal(ids, []string{invs[1].ID}) {
		t.Errorf("the package holds %v (error %v), want only the invoice that was not dismissed", ids, err)
	}
}

// An invoice that has left the queue may be in a ZIP that is on its way. If such an invoice could
// be dismissed, KSeF could have an invoice that the ledger calls dismissed.
func TestDismiss_WhatLeftTheQueueOrWasAccepted_IsAConflict(t *testing.T) {
	next := worlds(t)
	for _, s := range []State{Packed, Sending, Unknown, Sent, Accepted, Receipted, Dismissed, Superseded} {
		t.Run(string(s), func(t *testing.T) {
			w := next(t)
			inv := w.invoiceIn(s)
			w.unchanged(func() { w.conflict(w.Dismiss(ctx(), &inv, Dismissal{By: "anna", Reason: "x"})) })
		})
	}
}

func TestAccepted_WhateverElseOfTheNumberWaitsForAPerson_IsSuperseded(t *testing.T) {
	w := oneWorld(t)
	var docs []Invoice
	for _, s := range []State{Rejected, Parked, Dismissed} {
		docs = append(docs, w.move(w.take(document(sellerA, "VAT", "FV/1", string(s)))[0], s))
	}
	other := w.move(w.take(document(sellerA, "VAT", "FV/2", "other"))[0], Parked)
	last := w.take(document(sellerA, "VAT", "FV/1", "fixed"))[0]
	w.lead(last, Accepted)
	for i, want := range []State{Superseded, Superseded, Dismissed} {
		if got := w.again(docs[i]); got.State != want {
			t.Errorf("document %d is %s, want %s", i+1, got.State, want)
		}
	}
	if got := w.again(other); got.State != Parked {
		t.Errorf("a document of another number is %s, want parked as before", got.State)
	}
}

// When an earlier document is retried and accepted, a later document of the number is superseded as
// well.
func TestAccepted_AnEarlierDocument_SupersedesALaterOne(t *testing.T) {
	w := oneWorld(t)
	first := w.move(w.take(document(sellerA, "VAT", "FV/1", "first"))[0], Parked)
	second := w.move(w.take(document(sellerA, "VAT", "FV/1", "second"))[0], Parked)
	w.must(w.Retry(ctx(), &first))
	w.lead(w.again(first), Accepted)
	if got := w.again(second); got.State != Superseded {
		t.Errorf("the later document is %s, want superseded", got.State)
	}
}

// For each number, one rejected document on the list of open items is enough. So when another
// document of the number is rejected, the document that was rejected before becomes superseded. A
// parked document is not superseded, because KSeF may have it.
func TestRejected_AnotherRejectedDocumentOfTheNumber_IsSupersededAndMayBeRetried(t *testing.T) {
	w := oneWorld(t)
	parked := w.move(w.take(document(sellerA, "VAT", "FV/1", "parked"))[0], Parked)
	first := w.move(w.take(document(sellerA, "VAT", "FV/1", "first"))[0], Rejected)
	second := w.move(w.take(document(sellerA, "VAT", "FV/1", "second"))[0], Rejected)
	states := func(want ...State) {
		t.Helper()
		for i, inv := range []Invoice{parked, first, second} {
			if got := w.again(inv); got.State != want[i] {
				t.Errorf("document %d is %s, want %s", i+1, got.State, want[i])
			}
		}
	}
	states(Parked, Superseded, Rejected)
	if open, err := w.OpenItems(ctx()); err != nil || open["rejected"] != 1 || open["parked"] != 1 {
		t.Errorf("the open items are %v (error %v), want one rejected and one parked", open, err)
	}
	first = w.again(first)
	w.must(w.Retry(ctx(), &first))
	w.move(w.again(first), Rejected)
	states(Parked, Rejected, Superseded)
}

func TestChangeTerms_DeadlineOfOneThatWaits_MovesItForward(t *testing.T) {
	w := oneWorld(t)
	invs := w.waiting(2)
	soon := At(noon.Add(time.Hour))
	w.must(w.ChangeTerms(ctx(), &invs[1], NewTerms{Deadline: soon}))
	if ids, err := w.FirstWaiting(ctx(), groupA, 1); err != nil || ids[0] != invs[1].ID {
		t.Errorf("the first of the waiting set is %v (error %v), want the invoice with the new deadline", ids, err)
	}
	if ids, err := w.Due(ctx(), noon.Add(2*time.Hour), 10); err != nil || !slices.Equal(ids, []string{invs[1].ID}) {
		t.Errorf("due are %v (error %v), want the invoice with the new deadline", ids, err)
	}
}

func TestChangeTerms_OfflineAndLane_MoveItToItsSet(t *testing.T) {
	w := oneWorld(t)
	inv := w.waiting(1)[0]
	w.must(w.ChangeTerms(ctx(), &inv, NewTerms{Offline: true}))
	if got := w.again(inv); !got.Offline || got.Group != (Group{groupA.Tenant, groupA.Form, true}).Name() {
		t.Errorf("the invoice has offline %v and waits in %q, want the offline group", got.Offline, got.Group)
	}
	inv = w.waiting(1)[0]
	w.must(w.ChangeTerms(ctx(), &inv, NewTerms{Lane: Express}))
	if got := w.again(inv); got.Lane != Express || got.Group != "" || got.Rev != inv.Rev {
		t.Errorf("the invoice is in lane %s and group %q at revision %d, the copy at %d: want express, no group, one revision",
			got.Lane, got.Group, got.Rev, inv.Rev)
	}
}

func TestChangeTerms_WhatLeftTheQueue_IsAConflict(t *testing.T) {
	next := worlds(t)
	for _, s := range States() {
		if s == Queued {
			continue
		}
		t.Run(string(s), func(t *testing.T) {
			w := next(t)
			inv := w.invoiceIn(s)
			w.unchanged(func() { w.conflict(w.ChangeTerms(ctx(), &inv, NewTerms{Deadline: 1})) })
		})
	}
}
