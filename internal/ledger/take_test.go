package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTake_NewInvoice_IsQueuedAndFoundByEveryWay(t *testing.T) {
	w := oneWorld(t)
	doc := w.fresh()
	res, err := w.Take(ctx(), []NewInvoice{doc})
	w.must(err)
	got := w.read(doc.ID)[0]
	if want := []TakeResult{{Created, doc.ID, Queued, got.Rev, 1, false, "", "", "", got.CreatedAt, false, ""}}; !slices.Equal(res, want) {
		t.Fatalf("got %+v, want %+v", res, want)
	}
	want := doc.Invoice
	want.V, want.Rev, want.Revision, want.State = Version, firstRev(got.CreatedAt), 1, Queued
	want.CreatedAt, want.UpdatedAt = got.CreatedAt, got.CreatedAt
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got.CreatedAt < At(noon) {
		t.Errorf("the entry was created at %d, want a time from noon on", got.CreatedAt)
	}
	if ids, err := w.ByNumber(ctx(), doc.Number); err != nil || !slices.Equal(ids, []string{doc.ID}) {
		t.Errorf("the number finds %v (error %v), want its invoice", ids, err)
	}
	if body, err := w.Body(ctx(), doc.ID); err != nil || string(body) != string(doc.Body) {
		t.Errorf("the stored document is %q (error %v), want the one that was handed in", body, err)
	}
}

func TestTake_SameDocumentAgain_IsPresentWithItsPresentState(t *testing.T) {
	next := worlds(t)
	for _, s := range States() {
		t.Run(string(s), func(t *testing.T) {
			w := next(t)
			inv := w.invoiceIn(s)
			doc := document(inv.NIP, inv.Kind, inv.Number, "first")
			w.unchanged(func() {
				res, err := w.Take(ctx(), []NewInvoice{doc, doc})
				w.must(err)
				want := TakeResult{Present, inv.ID, s, inv.Rev, 1, false, "", "", "", inv.CreatedAt, false, ""}
				if !slices.Equal(res, []TakeResult{want, want}) {
					t.Errorf("got %+v, want twice %+v", res, want)
				}
			})
		})
	}
}

func TestTake_OtherContent_IsRefusedUnlessTheFirstHasEnded(t *testing.T) {
	next := worlds(t)
	for _, s := range States() {
		t.Run(string(s), func(t *testing.T) {
			w := next(t)
			inv := w.invoiceIn(s)
			doc := document(inv.NIP, inv.Kind, inv.Number, "second")
			if s.Ended() {
				if got := w.take(doc)[0]; got.Revision != 2 || got.ID == inv.ID {
					t.Errorf("the new document is %s with revision %d, want an id of its own and revision 2", got.ID, got.Revision)
				}
				return
			}
			w.unchanged(func() {
				res, err := w.Take(ctx(), []NewInvoice{doc})
				w.must(err)
				if want := (TakeResult{Refused, inv.ID, s, inv.Rev, 1, false, "", "", "", inv.CreatedAt, false, ""}); res[0] != want {
					t.Errorf("got %+v, want %+v", res[0], want)
				}
			})
		})
	}
}

func TestTake_OneRefusedInTheMiddle_DoesNotStopTheOthers(t *testing.T) {
	w := oneWorld(t)
	a, other := document(sellerA, "VAT", "1", "first"), document(sellerA, "VAT", "1", "second")
	b := document(sellerA, "VAT", "2", "first")
	res, err := w.Take(ctx(), []NewInvoice{a, other, a, b})
	w.must(err)
	rev, at := w.read(a.ID)[0].Rev, w.read(a.ID)[0].CreatedAt // b was created at the same moment
	want := []TakeResult{
		{Created, a.ID, Queued, rev, 1, false, "", "", "", at, false, ""},
		{Refused, a.ID, Queued, rev, 1, false, "", "", "", at, false, ""},
		{Present, a.ID, Queued, rev, 1, false, "", "", "", at, false, ""},
		{Created, b.ID, Queued, rev, 1, false, "", "", "", at, false, ""},
	}
	if !slices.Equal(res, want) {
		t.Errorf("got  %+v\nwant %+v", res, want)
	}
}

func TestTake_RevisionsGrow_AndThePastStaysReadable(t *testing.T) {
	w := oneWorld(t)
	for n := 1; n <= 4; n++ {
		inv := w.take(document(sellerA, "VAT", "FV/1", fmt.Sprint("content ", n)))[0]
		if inv.Revision != n {
			t.Errorf("document %d has revision %d, want its place in the order", n, inv.Revision)
		}
		w.move(inv, Rejected)
	}
	if ids, err := w.ByNumber(ctx(), "FV/1"); err != nil || len(ids) != 4 {
		t.Errorf("the number finds %v (error %v), want four invoices", ids, err)
	}
}

func TestRetry_OlderDocument_IsAConflictUnlessEveryLaterOneHasEnded(t *testing.T) {
	next := worlds(t)
	for _, s := range States() {
		t.Run("the later one is "+string(s), func(t *testing.T) {
			w := next(t)
			w.t = t
			old := w.invoiceIn(Rejected)
			// The later document has the same identity. The worker's verbs bring it into its state.
			w.serial--
			fresh := document(old.NIP, old.Kind, old.Number, "second")
			later := w.take(fresh)[0]
			later = w.lead(later, s)
			old = w.again(old) // the later document may have superseded it
			if s.Ended() {
				w.must(w.Retry(ctx(), &old))
				w.unchanged(func() { w.conflict(w.Retry(ctx(), &later)) }) // the older one is alive now
				res, err := w.Take(ctx(), []NewInvoice{document(old.NIP, old.Kind, old.Number, "third")})
				w.must(err)
				if res[0].Taken != Refused || res[0].ID != old.ID {
					t.Errorf("while the first document is tried again, a third one gives %+v, want it refused because of the first", res[0])
				}
				return
			}
			w.unchanged(func() {
				c := w.conflict(w.Retry(ctx(), &old))
				if s != Accepted && s != Receipted && !strings.Contains(c.Error(), "no other document of its identity alive") {
					t.Errorf("the conflict does not say that another document of the identity is alive: %v", c)
				}
			})
		})
	}
}

// lead brings a queued invoice into a state. It opens an online session if the state needs one.
func (sc *scenes) lead(inv Invoice, s State) Invoice {
	sc.t.Helper()
	switch s {
	case Queued:
		return inv
	case Rejected, Parked, Dismissed:
		return sc.move(inv, s)
	case Superseded:
		return sc.move(sc.move(inv, Parked), s)
	case Packed:
		sc.must(sc.Wait(ctx(), &inv))
		sc.cut(inv.WaitingGroup(), CutLimits{Invoices: 1, Bytes: 1})
		return sc.again(inv)
	}
	p := sc.online()
	_, _, err := sc.BeginSend(ctx(), p.ID, "me", &inv)
	sc.must(err)
	inv = sc.again(inv)
	if s == Sending {
		return inv
	}
	if s == Unknown {
		return sc.move(inv, s)
	}
	inv = sc.move(inv, Sent)
	if s == Sent {
		return inv
	}
	inv = sc.move(inv, Accepted)
	if s == Receipted {
		errs, err := sc.Receipt(ctx(), []string{inv.ID}, "u")
		sc.must(errors.Join(append(errs, err)...))
		inv = sc.again(inv)
	}
	return inv
}

func TestIdentity_IsSellerKindAndNumber_NothingElse(t *testing.T) {
	w := oneWorld(t)
	w.take(document(sellerA, "VAT", "FV/1", "x"))
	// Each differs from the first document in seller, kind or number. The last document differs in
	// kind and number. But joined to one text, its kind and number are those of the first: VATFV/1.
	w.take(document(sellerB, "VAT", "FV/1", "x"), document(sellerA, "KOR", "FV/1", "x"), document(sellerA, "VAT", "FV/2", "x"),
		document(sellerA, "VAT", "fv/1", "x"), document(sellerA, "VATF", "V/1", "x"))
	if ids, err := w.ByNumber(ctx(), "FV/1"); err != nil || len(ids) != 3 {
		t.Errorf("number FV/1 belongs to %v (error %v), want three invoices", ids, err)
	}
}

func TestInvoiceID_IsTheSameOnEveryMachineAndOfFixedForm(t *testing.T) {
	id := InvoiceID(Identity{sellerA, "VAT", "FV/1"}, [32]byte{1, 2, 3})
	if id != "inv-jhmeiqgqnzhwsacws4koybxb" {
		t.Errorf("id is %s: the ids in every existing ledger and archive have changed", id)
	}
	strange := Identity{sellerA, "VAT", strings.Repeat("Ż:|*", 64)}
	if got := InvoiceID(strange, [32]byte{}); len(got) != 28 || strings.ContainsAny(got[4:], ":|* ") {
		t.Errorf("the id of a strange number is %q, want 28 characters without separators of keys", got)
	}
}

func TestTake_StrangeNumber_CannotReachAnotherKey(t *testing.T) {
	w := oneWorld(t)
	for _, number := range []string{"a:b", "*", "inv-x", "Ż ó\n\r\x00", strings.Repeat("9", 256), "'", "$1", "-1", "1e9"} {
		doc := document(sellerA, "VAT", number, "x")
		if got := w.take(doc)[0]; got.Number != number {
			t.Errorf("number %q came back as %q", number, got.Number)
		}
	}
}

func TestTake_MoreThanOneBatch_AnswersInOrderForEach(t *testing.T) {
	w := oneWorld(t)
	const n = 2*takeBatch + 1
	docs := make([]NewInvoice, 0, n)
	for range n {
		docs = append(docs, w.fresh())
	}
	w.take(docs[takeBatch-1 : takeBatch+1]...) // the last of one batch and the first of the next are already there
	res, err := w.Take(ctx(), docs)
	w.must(err)
	if len(res) != n {
		t.Fatalf("Take returned %d results for %d invoices, want one for each", len(res), n)
	}
	for i, r := range res {
		inv := w.read(docs[i].ID)[0]
		want := TakeResult{Created, docs[i].ID, Queued, firstRev(inv.CreatedAt), 1, false, "", "", "", inv.CreatedAt, false, ""}
		if i == takeBatch-1 || i == takeBatch {
			want.Taken = Present
		}
		if r != want {
			t.Fatalf("result %d is %+v, want %+v", i, r, want)
		}
	}
	if counts, err := w.Counts(ctx()); err != nil || counts["queued"] != n || len(counts) != len(States()) {
		t.Errorf("the counts are %v (error %v), want all queued, and every state listed", counts, err)
	}
}

func TestTake_DocumentInTheArchiveStore_LeavesNoBodyInRedis(t *testing.T) {
	w := newWorld(nil, oneWorld(t).rdb, "big:")
	w.t = t
	doc := w.fresh()
	doc.Body, doc.BodyArchived = nil, true
	inv := w.take(doc)[0]
	if !inv.BodyArchived {
		t.Error("the entry does not say where its document is")
	}
	if _, err := w.Body(ctx(), inv.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("reading the document from Redis gives %v, want ErrNotFound", err)
	}
	w.audit()
}

func TestTake_SameBatchFromManyProcessesAtOnce_EachInvoiceIsCreatedOnce(t *testing.T) {
	w := oneWorld(t)
	docs := make([]NewInvoice, 300)
	for i := range docs {
		docs[i] = w.fresh()
	}
	var created sync.Map
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			res, err := w.Take(ctx(), docs)
			if err != nil {
				t.Error(err)
			}
			for _, r := range res {
				if r.Taken == Created {
					if _, twice := created.LoadOrStore(r.ID, true); twice {
						t.Errorf("%s was created twice", r.ID)
					}
				}
			}
		})
	}
	wg.Wait()
	n := 0
	created.Range(func(any, any) bool { n++; return true })
	if n != len(docs) {
		t.Errorf("%d invoices were created, want %d", n, len(docs))
	}
}

func TestTake_DocumentWasLost_HandedInAgainItIsThereAgain(t *testing.T) {
	w := oneWorld(t)
	doc := w.fresh()
	inv := w.take(doc)[0]
	w.must(w.rdb.Del(ctx(), w.prefix+"body:"+inv.ID).Err())
	res, err := w.Take(ctx(), []NewInvoice{doc})
	w.must(err)
	if res[0].Taken != Present {
		t.Errorf("the document whose body was lost is %s, want present", res[0].Taken)
	}
	if body, err := w.Body(ctx(), inv.ID); err != nil || string(body) != string(doc.Body) {
		t.Errorf("the stored document is %q (error %v), want the one that was handed in again", body, err)
	}
}

// A batch has an invoice that was handed in before, and a new invoice. Even while the entry of the
// first one changes all the time, the new invoice must be taken in.
func TestTake_PresentOnesMoveAllTheTime_NewOnesAreTaken(t *testing.T) {
	w := oneWorld(t)
	known := w.take(w.fresh())[0]
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				w.rdb.HIncrBy(ctx(), w.prefix+"inv:"+known.ID, "attempts", 1)
			}
		}
	}()
	again := document(known.NIP, known.Kind, known.Number, "first")
	again.ID = known.ID
	for range 50 {
		res, err := w.Take(ctx(), []NewInvoice{again, w.fresh()})
		if err != nil || res[1].Taken != Created {
			t.Fatalf("handed in: %+v (error %v), want the second created", res, err)
		}
	}
	close(stop)
	<-done
}
