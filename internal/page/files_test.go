package page_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/page"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

// receipts is an archive whose receipts come from answer.
type receipts struct {
	page.Records
	answer func(ctx context.Context) error
}

func (r *receipts) ReceiptOf(ctx context.Context, _ results.Result) (records.Receipt, error) {
	if err := r.answer(ctx); err != nil {
		return records.Receipt{}, err
	}
	return records.Receipt{Raw: []byte("<Potwierdzenie/>")}, nil
}

// When the archive cannot give out the receipt of an invoice, the receipt is called lost only if
// the archive should have it.
func TestUPO_ReceiptIsMissingOrOfAnotherInvoice_IsNotGivenOut(t *testing.T) {
	of := &receipts{}
	w := newWorld(t, func(o *page.Options) { of.Records, o.Records = o.Records, of })
	olga := w.as("olga")
	queued := w.take("A", sellerA, "ONE/1", ledger.Queued, "")
	receipted := w.take("A", sellerA, "ONE/2", ledger.Packed, "")
	w.check(w.ledger.Move(t.Context(), ledger.Move{ID: receipted, To: ledger.Accepted,
		Edit: ledger.Edit{}.Number("5210000026-20260105-0100A0DB5B00-55")}))
	_, err := w.ledger.Receipt(t.Context(), []string{receipted}, "file:///upo.xml")
	w.check(err)
	other := fmt.Errorf("receipt a: %w: it does not list the invoice", archive.ErrCorrupt)
	for name, c := range map[string]struct {
		id     string
		err    error
		status int
		says   string
	}{
		"the UPO is not there yet":           {queued, archive.ErrNotFound, http.StatusNotFound, "has no UPO yet"},
		"the UPO is there":                   {receipted, nil, http.StatusOK, "<Potwierdzenie/>"},
		"the UPO is gone":                    {receipted, archive.ErrNotFound, http.StatusServiceUnavailable, "missing or damaged"},
		"the UPO is that of another invoice": {receipted, other, http.StatusServiceUnavailable, "missing or damaged"},
		"the archive is silent":              {receipted, context.DeadlineExceeded, http.StatusServiceUnavailable, "does not answer"},
	} {
		of.answer = func(context.Context) error { return c.err }
		if status, body, _ := olga.get("/invoices/" + c.id + "/upo"); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: the page has status %d, want %d and %q: %s", name, status, c.status, c.says, body)
		}
	}
}

// A person who leaves before the answer is complete is no error. A connection that the store resets
// is an error, although the two may look the same.
func TestVisit_PersonLeavesOrStoreResets_OnlyTheResetIsLogged(t *testing.T) {
	of := &receipts{}
	var w *world
	t.Cleanup(func() { // after the server has ended all requests
		if n := strings.Count(w.log.String(), "could not be made"); n != 1 {
			t.Errorf("%d visits are logged as failed, want 1, the visit whose connection the store reset: %s", n, w.log)
		}
	})
	w = newWorld(t, func(o *page.Options) { of.Records, o.Records = o.Records, of })
	olga := w.as("olga")
	path := "/invoices/" + w.take("A", sellerA, "ONE/1", ledger.Queued, "") + "/upo"

	ctx, leave := context.WithCancel(t.Context())
	of.answer = func(visit context.Context) error {
		leave()
		<-visit.Done()
		return visit.Err()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+path, nil)
	w.check(err)
	if res, err := olga.client.Do(r); err == nil {
		_ = res.Body.Close()
		t.Error("the request was answered, although the person left")
	}

	of.answer = func(context.Context) error { return fmt.Errorf("read: %w", context.Canceled) }
	if status, _, _ := olga.get(path); status != http.StatusServiceUnavailable {
		t.Errorf("a connection that the store resets gives status %d, want 503", status)
	}
}
