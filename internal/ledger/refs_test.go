package ledger

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// withRef describes an invoice that was not handed in yet and has a ref.
func (w *world) withRef(ref string) NewInvoice {
	doc := w.fresh()
	doc.Ref = ref
	return doc
}

func (w *world) byRef(l *Ledger, ref string, tenants ...string) []string {
	w.t.Helper()
	ids, err := l.ByRef(ctx(), ref, tenants...)
	w.must(err)
	return ids
}

func (w *world) takeOne(l *Ledger, doc NewInvoice) TakeResult {
	w.t.Helper()
	res, err := l.Take(ctx(), []NewInvoice{doc})
	w.must(err)
	return res[0]
}

func TestTake_RefOfALivingInvoice_RefusesAnotherDocumentAndNamesTheFirst(t *testing.T) {
	w := oneWorld(t)
	first := w.take(w.withRef("SO-1"))[0]
	if first.Ref != "SO-1" || !slices.Equal(w.byRef(w.Ledger, "SO-1", sellerA), []string{first.ID}) {
		t.Errorf("the entry has ref %q, and the ref finds %q: want SO-1 and the entry", first.Ref, w.byRef(w.Ledger, "SO-1", sellerA))
	}
	for _, state := range []State{Queued, Packed, Accepted} {
		if state != Queued {
			first = w.move(first, state)
		}
		second := w.withRef("SO-1")
		w.unchanged(func() {
			if got, want := w.takeOne(w.Ledger, second), (TakeResult{Taken: RefUsed, RefOf: first.ID, RefState: state}); got != want {
				t.Errorf("beside a document that is %s, the second one gives %+v, want %+v", state, got, want)
			}
		})
	}
}

// At the same moment, two processes take in documents that have the same ref. The document that is
// written first gets the ref.
func TestTake_RefIsGivenAwayMeanwhile_TheDocumentIsRefused(t *testing.T) {
	w := oneWorld(t)
	winner, loser, beside := w.withRef("SO-1"), w.withRef("SO-1"), w.withRef("SO-2")
	var once atomic.Bool
	w.rdb.AddHook(beforeExec(func() {
		if once.CompareAndSwap(false, true) {
			w.take(winner)
		}
	}))
	res, err := w.Take(ctx(), []NewInvoice{loser, beside})
	w.must(err)
	if !once.Load() {
		t.Fatal("no other process came between: this test proves nothing")
	}
	if want := (TakeResult{Taken: RefUsed, RefOf: winner.ID, RefState: Queued}); res[0] != want || res[1].Taken != Created {
		t.Errorf("Take gives %+v, want %+v for the document that came too late, and the other one created", res, want)
	}
	if ids := w.byRef(w.Ledger, "SO-1", sellerA); !slices.Equal(ids, []string{winner.ID}) {
		t.Errorf("the ref finds %q, want %q", ids, winner.ID)
	}
}

func TestTake_ManyWithOneRefAtOnce_OneIsCreated(t *testing.T) {
	w := oneWorld(t)
	const n = 8
	results := make(chan TakeResult, n)
	var start, all sync.WaitGroup
	start.Add(1)
	for range n {
		doc := w.withRef("SO-1")
		all.Go(func() {
			start.Wait()
			if res, err := w.Take(ctx(), []NewInvoice{doc}); err == nil {
				results <- res[0]
			}
		})
	}
	start.Done()
	all.Wait()
	close(results)
	outcomes := map[Taken]int{}
	for r := range results {
		outcomes[r.Taken]++
	}
	if outcomes[Created] != 1 || outcomes[RefUsed] != n-1 {
		t.Errorf("the outcomes are %v, want one created and all others ref_used", outcomes)
	}
}

func TestTake_SameDocumentWithItsRef_IsPresent(t *testing.T) {
	w := oneWorld(t)
	doc := w.withRef("SO-1")
	w.take(doc)
	if r := w.takeOne(w.Ledger, doc); r.Taken != Present || r.Ref != "SO-1" || r.RefOf != "" {
		t.Errorf("the same document gives %+v, want present with its ref", r)
	}
	other := doc
	other.Ref = "SO-2"
	if r := w.takeOne(w.Ledger, other); r.Taken != Present || r.Ref != "SO-1" {
		t.Errorf("the same document with another ref gives %+v, want present with its first ref", r)
	}
	if ids := w.byRef(w.Ledger, "SO-2", sellerA); ids != nil {
		t.Errorf("a ref that was not taken finds %q, want nothing", ids)
	}
	third := w.take(w.withRef("SO-3"))[0]
	other.Ref = "SO-3"
	if r := w.takeOne(w.Ledger, other); r.Taken != Present || r.RefOf != third.ID || r.RefState != Queued {
		t.Errorf("with the ref of another invoice the document gives %+v, want present, and the other invoice named", r)
	}
}

func TestTake_SameRefTwiceInOneBatch_TakesTheFirst(t *testing.T) {
	w := oneWorld(t)
	a, b := w.withRef("SO-1"), w.withRef("SO-1")
	res, err := w.Take(ctx(), []NewInvoice{a, b, a})
	w.must(err)
	if res[0].Taken != Created || res[1].Taken != RefUsed || res[1].RefOf != a.ID || res[2].Taken != Present || res[2].RefOf != "" {
		t.Errorf("one ref twice in a batch gives %+v, want created, ref_used and present", res)
	}
}

func TestTake_SameRefOfTwoTenants_NamesOneInvoiceOfEach(t *testing.T) {
	w := oneWorld(t)
	a, b := w.withRef("SO-1"), document(sellerB, "VAT", "1", "first")
	b.Ref = "SO-1"
	w.take(a, b)
	if got := w.byRef(w.Ledger, "SO-1", sellerA, sellerB); !slices.Equal(got, []string{a.ID, b.ID}) {
		t.Errorf("the ref finds %q, want one invoice of each tenant", got)
	}
	if got := w.byRef(w.Ledger, "SO-1", sellerB); !slices.Equal(got, []string{b.ID}) {
		t.Errorf("for the second tenant alone the ref finds %q, want its one invoice", got)
	}
}

func TestTake_RefOfAnEndedInvoice_GoesToTheNewDocumentAndBackOnlyWhenThatHasEnded(t *testing.T) {
	w := oneWorld(t)
	first := w.move(w.take(w.withRef("SO-1"))[0], Rejected)
	second := w.take(w.withRef("SO-1"))[0]
	if got := w.byRef(w.Ledger, "SO-1", sellerA); !slices.Equal(got, []string{second.ID}) {
		t.Errorf("the ref finds %q, want the second document", got)
	}
	w.unchanged(func() {
		if may, err := w.MayRetry(ctx(), &first); may || err != nil {
			t.Errorf("the first document may be retried: %v (error %v), want false", may, err)
		}
		if err := w.Retry(ctx(), &first); err == nil {
			t.Error("the first document was retried beside the second")
		}
	})
	w.move(second, Dismissed)
	if may, err := w.MayRetry(ctx(), &first); !may || err != nil {
		t.Errorf("the first document may be retried: %v (error %v), want true", may, err)
	}
	w.must(w.Retry(ctx(), &first))
	if got := w.byRef(w.Ledger, "SO-1", sellerA); !slices.Equal(got, []string{first.ID}) {
		t.Errorf("after the retry the ref finds %q, want the first document", got)
	}
}

func TestPrune_EntryWithARef_ForgetsTheRef(t *testing.T) {
	w := oneWorld(t)
	first := w.move(w.take(w.withRef("SO-1"))[0], Rejected)
	second := w.move(w.take(w.withRef("SO-1"))[0], Rejected)
	w.millis.Add(int64(time.Hour / time.Millisecond))
	w.take(w.withRef("SO-2"))
	if n, err := w.Prune(ctx(), time.Minute, 100); n != 2 || err != nil {
		t.Fatalf("pruned %d invoices (error %v), want the two %s and %s", n, err, first.ID, second.ID)
	}
	if keys := w.rdb.Keys(ctx(), w.prefix+"ref:*").Val(); len(keys) != 1 {
		t.Errorf("the keys of refs are %q, want one", keys)
	}
}

func TestRef_WithAKey_CannotBeReadOrComputedFromRedis(t *testing.T) {
	w := oneWorld(t)
	sealed := w.sealing(1)
	doc := w.withRef(quoted)
	w.takeOne(sealed, doc)
	inv, err := sealed.Invoice(ctx(), doc.ID)
	w.must(err)
	if inv.Ref != quoted || !slices.Equal(w.byRef(sealed, quoted, sellerA), []string{doc.ID}) {
		t.Errorf("the entry has ref %q, and the ref finds %q: want the ref as it was given, and the entry",
			inv.Ref, w.byRef(sealed, quoted, sellerA))
	}
	for _, plain := range append(refDigests(w.Ledger.store, sellerA, quoted), quoted) {
		if strings.Contains(w.raw(), plain) {
			t.Errorf("Redis has the ref %q in clear text", plain)
		}
	}
	if inv = w.again(inv); inv.Ref != encryptedRef {
		t.Errorf("without the key the ref is %q, want only that it is encrypted", inv.Ref)
	}
}

func TestReseal_KeyIsRotated_RefsStayUniqueAndAreFoundWithTheNewKeyAlone(t *testing.T) {
	w := oneWorld(t)
	doc, late := w.withRef("SO-1"), w.withRef("SO-2")
	w.takeOne(w.sealing(1), doc)
	both := w.sealing(2, 1)
	if r := w.takeOne(both, w.withRef("SO-1")); r.Taken != RefUsed || r.RefOf != doc.ID {
		t.Errorf("before the texts are sealed again, another document with the ref gives %+v, want ref_used", r)
	}
	w.takeOne(w.sealing(1, 2), late)
	if _, err := both.Reseal(ctx(), 100); err != nil {
		t.Fatal(err)
	}
	only := w.sealing(2)
	for _, d := range []NewInvoice{doc, late} {
		if got := w.byRef(only, d.Ref, sellerA); !slices.Equal(got, []string{d.ID}) {
			t.Errorf("the ref %s finds %q, want its invoice", d.Ref, got)
		}
		if r := w.takeOne(only, w.withRef(d.Ref)); r.Taken != RefUsed {
			t.Errorf("the ref %s was given to another document: %+v, want ref_used", d.Ref, r)
		}
	}
	tally, err := both.SealTally(ctx())
	w.must(err)
	if n := tally.Needs(ring(t, 1).KeyIDs()[0]); n != 0 {
		t.Errorf("%d texts still need the old key, want none", n)
	}
}

func TestTake_RefOfAnEntryThatCannotBeRead_IsRefused(t *testing.T) {
	w := oneWorld(t)
	first := w.take(w.withRef("SO-1"))[0]
	facts := w.rdb.HGet(ctx(), w.prefix+"inv:"+first.ID, "facts").Val()
	w.must(w.rdb.HSet(ctx(), w.prefix+"inv:"+first.ID, "facts", "x").Err())
	if r := w.takeOne(w.Ledger, w.withRef("SO-1")); r.Taken != RefUsed || r.RefOf != first.ID || r.RefState != "" {
		t.Errorf("a ref of an unreadable entry gives %+v, want ref_used without a state", r)
	}
	w.must(w.rdb.HSet(ctx(), w.prefix+"inv:"+first.ID, "facts", facts).Err())
}
