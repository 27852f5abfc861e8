package actions_test

import (
	"errors"
	"strings"
	"testing"

	"ksefworker/internal/actions"
	"ksefworker/internal/ledger"
)

func TestRetry_RejectedOrParked_IsQueuedWithATask(t *testing.T) {
	w := newWorld(t)
	for i, state := range []ledger.State{ledger.Rejected, ledger.Parked} {
		id := w.taken(sellerA, string(state), state, 450, "why")
		w.check(w.exec.Retry(t.Context(), w.invoice(id), "jan"))
		inv := w.invoice(id)
		if inv.State != ledger.Queued || inv.Code != 0 || inv.Reason != "" || w.queued() != i+1 {
			t.Errorf("after Retry a %s invoice is %s with code %d, reason %q and %d tasks, want queued, no code, no reason and %d tasks",
				state, inv.State, inv.Code, inv.Reason, w.queued(), i+1)
		}
	}
}

func TestRetry_DismissedByMistake_IsQueuedWithATaskUnlessTheNumberIsInUse(t *testing.T) {
	w := newWorld(t)
	id := w.take(sellerA, "A", "1")
	w.check(w.exec.Dismiss(t.Context(), w.invoice(id), anna))
	w.check(w.exec.Retry(t.Context(), w.invoice(id), "jan"))
	if inv := w.invoice(id); inv.State != ledger.Queued || !strings.HasSuffix(inv.TakenBack, " by jan") || w.queued() != 1 {
		t.Errorf("the invoice is %s, taken back %q, with %d tasks, want queued, taken back by jan, with one task",
			inv.State, inv.TakenBack, w.queued())
	}
	w.check(w.exec.Dismiss(t.Context(), w.invoice(id), anna))
	w.take(sellerA, "A", "2")
	wantCause(t, w.exec.Retry(t.Context(), w.invoice(id), "jan"), actions.NumberInUse)
}

// The task of the first retry is still in the queue. The second retry must add another task
// nevertheless.
func TestRetry_AgainAfterAnotherRefusal_HasANewTask(t *testing.T) {
	w := newWorld(t)
	id := w.taken(sellerA, "A", ledger.Parked, 550, "")
	w.check(w.exec.Retry(t.Context(), w.invoice(id), "jan"))
	w.check(w.ledger.Move(t.Context(), ledger.Move{ID: id, To: ledger.Parked}))
	w.check(w.exec.Retry(t.Context(), w.invoice(id), "jan"))
	if n := w.queued(); n != 2 {
		t.Errorf("there are %d tasks after two retries, want 2", n)
	}
}

func TestRetry_DocumentWasDeleted_ChangesNothingAndSaysWhy(t *testing.T) {
	w := newWorld(t)
	id := w.taken(sellerA, "A", ledger.Rejected, 450, "")
	w.check(w.rdb.Del(t.Context(), "ksef:body:"+id).Err())
	wantCause(t, w.exec.Retry(t.Context(), w.invoice(id), "jan"), actions.NotKept)
	if s := w.invoice(id).State; s != ledger.Rejected || w.queued() != 0 {
		t.Errorf("the invoice is %s with %d tasks, want rejected with none", s, w.queued())
	}
}

func TestRetry_AnotherDocumentHasTheNumber_ChangesNothingAndSaysWhy(t *testing.T) {
	w := newWorld(t)
	id := w.taken(sellerA, "A", ledger.Rejected, 450, "")
	w.take(sellerA, "A", "the corrected document")
	wantCause(t, w.exec.Retry(t.Context(), w.invoice(id), "jan"), actions.NumberInUse)
	if s := w.invoice(id).State; s != ledger.Rejected || w.queued() != 0 {
		t.Errorf("the invoice is %s with %d tasks, want rejected with none", s, w.queued())
	}
}

func TestDismiss_OpenOrQueued_IsDismissedWithTheReason(t *testing.T) {
	w := newWorld(t)
	parked := w.taken(sellerA, "A", ledger.Parked, 550, "why")
	for _, id := range []string{w.take(sellerA, "B", "1"), parked} {
		w.check(w.exec.Dismiss(t.Context(), w.invoice(id), anna))
		inv := w.invoice(id)
		if inv.State != ledger.Dismissed || !strings.Contains(inv.Reason, "by anna: handed in by mistake") {
			t.Errorf("the invoice is %s with reason %q, want dismissed with who did it and why", inv.State, inv.Reason)
		}
	}
}

func TestDismiss_StateHasChangedSinceItWasRead_ChangesNothingAndNamesTheState(t *testing.T) {
	w := newWorld(t)
	id := w.take(sellerA, "A", "1")
	read := w.invoice(id)
	w.check(w.ledger.Move(t.Context(), ledger.Move{ID: id, To: ledger.Packed}))
	e := wantCause(t, w.exec.Dismiss(t.Context(), read, anna), actions.Moved)
	if s := w.invoice(id).State; e.State != ledger.Packed || s != ledger.Packed {
		t.Errorf("the invoice is %s, and the error says %s, want packed in both", s, e.State)
	}
}

func TestDismissRefusal_OpenRefusal_EndsOnce(t *testing.T) {
	w := newWorld(t)
	r := &ledger.Refusal{ID: w.refuse(sellerA, "x.xml", "X")}
	w.check(w.exec.DismissRefusal(t.Context(), r, anna))
	wantCause(t, w.exec.DismissRefusal(t.Context(), r, anna), actions.Ended)
	if got := w.selects(actions.Selection{Names: []string{r.ID}}, ofDismiss); got[0] != r.ID+": ended" {
		t.Errorf("the dismissed refusal is selected as %q, want its id with the cause ended", got)
	}
}

func TestNotDoneError_UnwrapsItsCause(t *testing.T) {
	inner := errors.New("entry is damaged")
	err := error(&actions.NotDoneError{Cause: actions.Unreadable, Err: inner})
	if !errors.Is(err, inner) || err.Error() != "unreadable: entry is damaged" {
		t.Errorf("the error is %v, want one that says unreadable and wraps the error of the entry", err)
	}
	if err := (&actions.NotDoneError{Cause: actions.Unknown}); err.Error() != "unknown" || err.Unwrap() != nil {
		t.Errorf("the error %v unwraps to %v, want the text unknown and no inner error", err, err.Unwrap())
	}
}
