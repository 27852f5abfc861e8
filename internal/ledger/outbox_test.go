package ledger

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// telling makes the ledger of a world keep an outbox, and returns the world.
func (w *world) telling(keep int) *world {
	o := Options{Prefix: w.prefix, Now: w.now, Outbox: keep, Texts: w.texts}
	w.Ledger = New(w.rdb, o)
	return w
}

func (w *world) outcomes() []Outcome {
	w.t.Helper()
	all, err := w.Outcomes(ctx(), "", 1000)
	w.must(err)
	return all
}

// told returns the states that the outbox tells of an invoice, in their order.
func (w *world) told(id string) string {
	var states []string
	for _, o := range w.outcomes() {
		if o.ID == id {
			states = append(states, string(o.State))
		}
	}
	return strings.Join(states, " ")
}

func TestOutbox_EveryFinalState_IsWrittenWithTheMove(t *testing.T) {
	next := worlds(t)
	for state, want := range map[State]string{
		Queued: "", Packed: "", Sending: "", Unknown: "", Sent: "", Accepted: "accepted", Receipted: "accepted receipted",
		Rejected: "rejected", Parked: "parked", Dismissed: "dismissed", Superseded: "parked superseded",
	} {
		t.Run(string(state), func(t *testing.T) {
			w := next(t).telling(100)
			inv := w.invoiceIn(state)
			if got := w.told(inv.ID); got != want {
				t.Fatalf("the outbox tells %q, want %q", got, want)
			}
			if all := w.outcomes(); want != "" {
				if last := all[len(all)-1]; last.Rev != inv.Rev || last.KsefNumber != inv.KsefNumber {
					t.Errorf("the last outcome is %+v, want revision %d and the number %q of the entry", last, inv.Rev, inv.KsefNumber)
				}
			}
		})
	}
}

// The reader of an outcome must learn its tenant, even when the entry of the invoice cannot be
// read.
func TestOutbox_EntryCannotBeRead_SaysItsTenant(t *testing.T) {
	w := oneWorld(t).telling(100)
	opaque, newer := w.move(w.take(w.fresh())[0], Rejected), w.move(w.take(w.fresh())[0], Rejected)
	late := w.take(w.fresh())[0]
	w.must(w.ChangeTerms(ctx(), &late, NewTerms{Offline: true})) // its facts are JSON from now on
	late = w.move(w.read(late.ID)[0], Rejected)
	for _, id := range []string{opaque.ID, newer.ID, late.ID} { // restored at the end, because the audit reads them
		was := w.rdb.Dump(ctx(), w.prefix+keyInvoice+id).Val()
		defer func() { w.must(w.rdb.RestoreReplace(ctx(), w.prefix+keyInvoice+id, 0, was).Err()) }()
	}
	w.must(w.rdb.Del(ctx(), w.prefix+keyInvoice+opaque.ID).Err())
	w.must(w.rdb.Set(ctx(), w.prefix+keyInvoice+opaque.ID, "x", 0).Err())
	facts := w.rdb.HGet(ctx(), w.prefix+keyInvoice+late.ID, "facts").Val()
	later := strings.Replace(facts, `"kind":"VAT"`, `"kind":{"of":"VAT"},"v":9`, 1)
	w.must(w.rdb.HSet(ctx(), w.prefix+keyInvoice+late.ID, "facts", later).Err())
	record := w.rdb.HGet(ctx(), w.prefix+keyInvoice+newer.ID, pieceFields[0]).Val()
	w.must(w.rdb.HSet(ctx(), w.prefix+keyInvoice+newer.ID, pieceFields[0], "\x63"+record[1:]).Err())
	all := w.outcomes()
	all[1].Tenant, all[2].Tenant = "", "" // as in outcomes that an earlier build wrote
	told, err := w.Told(ctx(), all)
	w.must(err)
	for _, o := range told {
		if !o.Unread || o.Tenant == "" || o.Tenant != opaque.Tenant {
			t.Errorf("outcome of %s: unread %v, tenant %q: want it unread, with its tenant", o.ID, o.Unread, o.Tenant)
		}
	}
	_, err = w.Invoices(ctx(), []string{newer.ID, late.ID})
	if unread, _ := Skip(err); len(unread) != 2 || unread[0].Tenant != newer.Tenant || unread[1].Tenant != late.Tenant {
		t.Errorf("unreadable are %+v, want two, each with its tenant", unread)
	}
}

func TestOutbox_NothingElse_IsTold(t *testing.T) {
	w := oneWorld(t).telling(100)
	inv := w.invoiceIn(Accepted)
	w.must(w.Move(ctx(), Move{ID: inv.ID, Rev: inv.Rev, From: []State{Accepted}, Edit: Edit{}.Reason("KSeF gives no receipt")}))
	if got := w.told(inv.ID); got != "accepted" {
		t.Errorf("after a note the outbox tells %q, want only accepted", got)
	}
	w.conflict(w.Move(ctx(), Move{ID: inv.ID, Rev: inv.Rev, To: Receipted}))
	if got := w.told(inv.ID); got != "accepted" {
		t.Errorf("after a refused move the outbox tells %q, want only accepted", got)
	}
}

func TestOutbox_NotKept_IsNotWritten(t *testing.T) {
	w := oneWorld(t)
	w.invoiceIn(Rejected)
	if n := w.rdb.Exists(ctx(), w.prefix+keyOutbox).Val(); n != 0 || w.KeepsOutbox() == nil {
		t.Errorf("no outbox is wanted, but Redis has %d keys of it and KeepsOutbox gives %v; want 0 and an error", n, w.KeepsOutbox())
	}
}

func TestOutbox_RetriedMeanwhile_TellsTheEntryAsItWas(t *testing.T) {
	w := oneWorld(t)
	w.texts = ring(t, 1)
	w.telling(100)
	inv := w.move(w.take(w.fresh())[0], Rejected, change{"code", 450}, change{"reason", quoted + " is wrong"})
	if raw := fmt.Sprint(w.rdb.XRange(ctx(), w.prefix+keyOutbox, "-", "+").Val()); strings.Contains(raw, quoted) {
		t.Errorf("the outbox has a reason in clear text: %s", raw)
	}
	w.must(w.Move(ctx(), Move{ID: inv.ID, Rev: inv.Rev, To: Queued, Edit: Because(0, "")}))
	told, err := w.Told(ctx(), w.outcomes())
	w.must(err)
	got := told[0].Invoice
	if got == nil || got.State != Rejected || got.Rev != inv.Rev || got.Code != 450 || got.Reason != quoted+" is wrong" ||
		got.File != inv.File {
		t.Fatalf("the outcome tells %+v, want the rejected invoice as it was", got)
	}
}

// An outcome that is told late has the code and the reason of its own attempt, and nothing of a
// later attempt.
func TestOutbox_RejectedTwice_EachIsToldAsItWas(t *testing.T) {
	w := oneWorld(t).telling(100)
	inv := w.take(w.fresh())[0]
	attempt := func(code int, session string) {
		inv = w.move(inv, Packed, change{"package", "of " + session})
		inv = w.move(inv, Sending, change{"session", session}, change{"attempts", inv.Attempts + 1})
		inv = w.move(inv, Sent)
		inv = w.move(inv, Rejected, change{"code", code}, change{"reason", fmt.Sprint("because of ", code)})
	}
	attempt(450, "first")
	inv = w.move(inv, Queued, Because(0, "").OutOfPackage()...)
	attempt(430, "second")
	told, err := w.Told(ctx(), w.outcomes())
	w.must(err)
	var got []string
	for _, o := range told {
		i := o.Invoice
		got = append(got, fmt.Sprint(i.State, i.Code, " ", i.Reason, " ", i.Session, "|", i.Package, "|", i.Attempts))
	}
	want := []string{"rejected450 because of 450 ||0", "rejected430 because of 430 second|of second|2"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A note that is written after an outcome is told together with the outcome.
func TestOutbox_NotedSince_TellsTheNote(t *testing.T) {
	w := oneWorld(t).telling(100)
	for state, want := range map[State]string{Parked: "a note", Accepted: "another note"} {
		inv := w.invoiceIn(state)
		w.must(w.Move(ctx(), Move{ID: inv.ID, From: []State{state}, Edit: Edit{}.Reason("a note")}))
		if state == Accepted {
			w.must(w.Move(ctx(), Move{ID: inv.ID, From: []State{state}, Edit: Edit{}.Reason("another note")}))
		}
		all := w.outcomes()
		told, err := w.Told(ctx(), all[len(all)-1:])
		w.must(err)
		if i := told[0].Invoice; i.Reason != want || i.Rev != inv.Rev {
			t.Errorf("%s: the outcome tells %q at revision %d, want %q at %d", state, i.Reason, i.Rev, want, inv.Rev)
		}
	}
}

func TestOutbox_AnotherDocumentWasAccepted_TellsWhichOne(t *testing.T) {
	w := oneWorld(t).telling(100)
	first := w.move(w.take(document(sellerA, "VAT", "FV/9", "first"))[0], Rejected)
	second := w.take(document(sellerA, "VAT", "FV/9", "second"))[0]
	second = w.move(w.move(second, Packed), Accepted)
	told, err := w.Told(ctx(), w.outcomes())
	w.must(err)
	var states []string
	for _, o := range told {
		states = append(states, string(o.Invoice.State)+" by "+o.Invoice.SupersededBy)
	}
	// The first outcome tells the document as it was when it was rejected, but already names the
	// document that superseded it later.
	want := []string{"rejected by " + second.ID, "superseded by " + second.ID, "accepted by "}
	if d := cmp.Diff(want, states); d != "" || w.again(first).State != Superseded {
		t.Error(d)
	}
}

func TestOutbox_RefusalAndItsEnd_AreTold(t *testing.T) {
	w := oneWorld(t).telling(100)
	r := Refusal{ID: RefusalOfFile("a.xml"), Tenant: sellerA, File: "a.xml", Faults: []RefusalFault{{Rule: "must be XML"}}}
	w.must(w.Refuse(ctx(), []Refusal{r}))
	w.must(w.DismissRefusal(ctx(), r.ID, Dismissal{By: "anna", Reason: "not ours"}))
	if got := w.told(r.ID); got != "refused dismissed" {
		t.Fatalf("the outbox tells %q, want refused dismissed", got)
	}
	told, err := w.Told(ctx(), w.outcomes())
	w.must(err)
	if r := told[1].OfRefusal; r == nil || r.Ended != RefusalDismissed || told[1].Rev <= told[0].Rev || r.Revision() != told[1].Rev {
		t.Errorf("the outcomes are %+v, want the end of the refusal at a greater revision", told)
	}
}

// A program can have documents refused as fast as it sends them. Only some refusals of a tenant are
// told, so that the outbox has room for the outcomes of other tenants.
func TestOutbox_ManyRefusalsOfATenant_OnlySomeAreTold(t *testing.T) {
	w := oneWorld(t).telling(100_000)
	all := make([]Refusal, MaxToldRefusals+700)
	for i := range all {
		all[i] = refusedDoc(sellerA, fmt.Sprintf("%05d.xml", i))
	}
	untold := func(rs []Refusal) (n int) {
		w.must(w.Refuse(ctx(), rs))
		for i := range rs {
			if rs[i].Untold {
				n++
			}
		}
		return n
	}
	if n := untold(all[:4900]); n != 0 {
		t.Errorf("%d refusals are not told, want none", n)
	}
	if n := untold(all[4900:]); n != 700 {
		t.Errorf("%d refusals are not told, want 700", n)
	}
	if n := untold([]Refusal{refusedDoc(sellerB, "b.xml")}); n != 0 {
		t.Error("the refusal of another tenant is not told")
	}
	if span, err := w.Outbox(ctx()); err != nil || span.Added != MaxToldRefusals+1 {
		t.Errorf("the outbox got %d outcomes (error %v), want the bound and one of another tenant", span.Added, err)
	}
	key := w.key(keyRefusalsTold, sellerA)
	if left := w.rdb.PTTL(ctx(), key).Val(); left <= 0 || left > refusalsToldIn {
		t.Errorf("the count expires in %v, want at most refusalsToldIn", left)
	}
	w.must(w.rdb.Del(ctx(), key).Err()) // as when refusalsToldIn is over
	if n := untold(all[:10]); n != 0 {
		t.Errorf("%d refusals are not told after the count has expired, want none", n)
	}
	// Refusals are recorded and told even when another program has overwritten the key that counts
	// them.
	w.must(w.rdb.Del(ctx(), key).Err())
	w.must(w.rdb.LPush(ctx(), key, "x").Err())
	if n := untold(all[:10]); n != 0 {
		t.Errorf("%d refusals are not told while they cannot be counted, want none", n)
	}
}

func TestOutbox_ManyOutcomes_StaysBounded(t *testing.T) {
	w := oneWorld(t).telling(200)
	for range 40 {
		w.t.Helper()
		docs := make([]NewInvoice, 20)
		for i := range docs {
			docs[i] = w.fresh()
		}
		var moves []Move
		for _, inv := range w.take(docs...) {
			moves = append(moves, Move{ID: inv.ID, To: Rejected})
		}
		_, err := w.Apply(ctx(), moves)
		w.must(err)
	}
	span, err := w.Outbox(ctx())
	w.must(err)
	// Redis removes entries of a stream only in whole nodes, each of a hundred entries.
	if span.Added != 800 || span.Length < 200 || span.Length > 400 {
		t.Errorf("the outbox holds %d of %d outcomes, want 200 to 400 of 800", span.Length, span.Added)
	}
	w.millis.Add((time.Since(noon) + 100*time.Hour).Milliseconds())
	w.must(w.TrimOutbox(ctx(), time.Hour))
	if span, err = w.Outbox(ctx()); err != nil || span.Length > 100 {
		t.Errorf("after trimming the outbox holds %d outcomes (error %v), want at most 100", span.Length, err)
	}
}

func TestSink_ServedByOneProcess_AnotherWritesNothing(t *testing.T) {
	w := oneWorld(t).telling(100)
	lease := func(token string, ttl time.Duration) bool {
		ok, err := w.LeaseSink(ctx(), "erp", token, ttl)
		w.must(err)
		return ok
	}
	if !lease("a", time.Minute) || lease("b", time.Minute) || !lease("a", time.Minute) {
		t.Fatal("the lease does not belong to the first process")
	}
	if ok, err := w.ChangeSink(ctx(), "erp", SinkChange{Token: "b", State: &SinkState{Cursor: "9-9"}}); ok || err != nil {
		t.Errorf("for a process without the lease ChangeSink returned %v (error %v), want false and no error", ok, err)
	}
	if !lease("a", 0) || !lease("b", time.Minute) {
		t.Error("a lease that was given back cannot be taken")
	}
}

func TestSink_Change_IsReadAsItWasWritten(t *testing.T) {
	w := oneWorld(t)
	w.texts = ring(t, 1)
	w.telling(100)
	state := SinkState{Cursor: "5-1", Seen: 7, Lost: 1, Taken: 5, Outage: 3, Probes: 2, Next: 9, Stopped: 4, Err: quoted}
	held := []Held{{Outcome: Outcome{At: "5-0", ID: "inv-a", Rev: 3, State: Rejected}, First: 1, Attempts: 2, Err: quoted}}
	ok, err := w.ChangeSink(ctx(), "erp", SinkChange{State: &state, Hold: map[string][]Held{"inv-a": held},
		Next: map[string]time.Time{"inv-a": noon}, Fail: held})
	if !ok || err != nil {
		t.Fatal("want the change of the sink recorded; ChangeSink returned", ok, err)
	}
	if raw := w.raw(); strings.Contains(raw, quoted) {
		t.Errorf("an answer of a sink is in Redis in clear text:\n%s", raw)
	}
	got, err := w.Sink(ctx(), "erp")
	w.must(err)
	there, _, err := w.NotTaken(ctx(), "erp", []string{"inv-a", "inv-b"})
	w.must(err)
	failed, err := w.Failed(ctx(), "erp", 10)
	w.must(err)
	due, err := w.DueSink(ctx(), "erp", noon, time.Hour, 10)
	w.must(err)
	if d := cmp.Diff([]any{state, map[string][]Held{"inv-a": held}, held, []string{"inv-a"}}, []any{got, there, failed, due}); d != "" {
		t.Error(d)
	}
	_, err = w.ChangeSink(ctx(), "erp", SinkChange{Hold: map[string][]Held{"inv-a": nil}, Forget: []string{"inv-a:3"}})
	w.must(err)
	if h, f, err := w.SinkCounts(ctx(), "erp"); h != 0 || f != 0 || err != nil {
		t.Errorf("the sink has %d held and %d failed outcomes (error %v), want none", h, f, err)
	}
}

func TestSink_FailuresOfLongAgo_AreForgottenWhenTheClockIsSure(t *testing.T) {
	w := oneWorld(t)
	fail := func(rev int64, sure bool) {
		_, err := w.ChangeSink(ctx(), "erp", SinkChange{Fail: []Held{{Outcome: Outcome{ID: "inv-a", Rev: rev}}}, DropOld: sure})
		w.must(err)
	}
	fail(1, true)
	w.millis.Add((failedKept + time.Hour).Milliseconds())
	fail(2, false)
	if got, err := w.Failed(ctx(), "erp", 10); err != nil || len(got) != 2 {
		t.Errorf("while the clock is not sure, the failures kept are %+v (error %v), want both", got, err)
	}
	fail(2, true)
	if got, err := w.Failed(ctx(), "erp", 10); err != nil || len(got) != 1 || got[0].Rev != 2 {
		t.Errorf("the failures kept are %+v (error %v), want only the second", got, err)
	}
}

func TestOutbox_NothingWasWrittenYet_IsEmpty(t *testing.T) {
	w := oneWorld(t).telling(100)
	span, err := w.Outbox(ctx())
	if d := cmp.Diff(OutboxSpan{}, span); d != "" || err != nil {
		t.Errorf("the span of an outbox without outcomes is not empty (-want +got):\n%s\nthe error is %v", d, err)
	}
	w.must(w.TrimOutbox(ctx(), time.Hour))
}
