package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func refusedDoc(tenant, file string) Refusal {
	return Refusal{
		ID: RefusalOfFile(file), Tenant: tenant, NIP: tenant, Number: "FV/1", File: file,
		Faults: []RefusalFault{{Field: "P_15", Rule: "must not be missing", Line: 7}},
	}
}

func (w *world) refusals(ended string) []string {
	w.t.Helper()
	all, err := w.Refusals(ctx(), time.Time{}, ended)
	w.must(err)
	var files []string
	for _, r := range all {
		files = append(files, r.File)
	}
	return files
}

func TestRefuse_SameDocumentAgain_IsOneRefusalAndOpenAgain(t *testing.T) {
	w := oneWorld(t)
	w.must(w.Refuse(ctx(), []Refusal{refusedDoc(sellerA, "a.xml"), refusedDoc("", "b.xml")}))
	w.must(w.Refuse(ctx(), []Refusal{refusedDoc(sellerA, "a.xml")}))
	if got := w.refusals(""); !slices.Equal(got, []string{"b.xml", "a.xml"}) {
		t.Errorf("the refusals on record are %v, want b.xml and then a.xml", got)
	}
	w.must(w.DismissRefusal(ctx(), RefusalOfFile("b.xml"), Dismissal{By: "anna", Reason: "a test"}))
	all, err := w.Refusals(ctx(), time.Time{}, RefusalDismissed)
	if err != nil || len(all) != 1 || !strings.Contains(all[0].Note, "by anna: a test") || all[0].Faults[0].Field != "P_15" {
		t.Errorf("the dismissed refusals are %+v (error %v), want one by anna, with the fault in P_15", all, err)
	}
	if err := w.DismissRefusal(ctx(), RefusalOfFile("b.xml"), Dismissal{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("dismissing the refusal a second time gives %v, want ErrNotFound", err)
	}
	w.must(w.Refuse(ctx(), []Refusal{refusedDoc("", "b.xml")}))
	if n, err := w.OpenRefusals(ctx()); n != 2 || err != nil {
		t.Errorf("%d refusals are open (error %v), want 2", n, err)
	}
}

func TestEndRefusals_OnlyOpenOnes_OfTheTenantAndOfNoTenant(t *testing.T) {
	w := oneWorld(t)
	w.must(w.Refuse(ctx(), []Refusal{refusedDoc(sellerA, "a.xml"), refusedDoc("", "b.xml"), refusedDoc(sellerB, "c.xml")}))
	var ends []RefusalEnd
	for _, f := range []string{"a.xml", "b.xml", "c.xml", "d.xml"} {
		ends = append(ends, RefusalEnd{ID: RefusalOfFile(f), Tenant: sellerA, Ended: RefusalSuperseded, Note: "inv-x"})
	}
	for i, want := range []int{2, 0} {
		if n, err := w.EndRefusals(ctx(), ends); n != want || err != nil {
			t.Errorf("call %d ended %d refusals (error %v), want 2 in the first call and none in the second", i+1, n, err)
		}
	}
	if got := w.refusals(""); !slices.Equal(got, []string{"c.xml"}) {
		t.Errorf("the open refusals are %v, want c.xml", got)
	}
	if got := w.refusals(RefusalSuperseded); len(got) != 2 {
		t.Errorf("the superseded refusals are %v, want two", got)
	}
}

// One call has a document twice. It is one refusal, is told once, and both are on record.
func TestRefuse_SameDocumentTwiceInACall_IsToldOnce(t *testing.T) {
	w := oneWorld(t).telling(1000)
	one := Refusal{ID: RefusalOfFile("a"), Tenant: sellerA, File: "a", Faults: []RefusalFault{{Rule: "r"}}}
	all := []Refusal{one, {ID: RefusalOfFile("b"), Tenant: sellerA, File: "b", Faults: []RefusalFault{{Rule: "r"}}}, one}
	w.must(w.Refuse(ctx(), all))
	told, err := w.Outcomes(ctx(), "", 10)
	w.must(err)
	if len(told) != 2 || told[0].ID == told[1].ID || !all[0].Recorded || !all[1].Recorded || !all[2].Recorded || all[2].At != all[0].At {
		t.Errorf("told are %+v, and the refusals are %+v, want two outcomes, and all three on record at one time", told, all)
	}
}

// A document may first be handed in for the wrong tenant. So the refusal of an invoice moves to the
// tenant for which the invoice was handed in last. A refusal that is known only by a file's path
// does not move, because files of two tenants may have the same path on two machines.
func TestRefuse_SameInvoiceForAnotherTenant_IsOneRefusalAndEndsWhereverItIs(t *testing.T) {
	w := oneWorld(t)
	one := refusedDoc(sellerA, "a.xml")
	one.ID, one.ByInvoice = RefusalOfInvoice(Identity{sellerA, "VAT", "FV/1"}), true
	file := refusedDoc(sellerA, "same.xml")
	w.must(w.Refuse(ctx(), []Refusal{one, file}))
	one.Tenant, one.File, file.Tenant = sellerB, "b.xml", sellerB
	w.must(w.Refuse(ctx(), []Refusal{one, file}))
	got := w.refusals("")
	slices.Sort(got)
	if !slices.Equal(got, []string{"b.xml", "same.xml", "same.xml"}) {
		t.Errorf("the open refusals are %v, want b.xml and same.xml of each tenant", got)
	}
	end := RefusalEnd{ID: one.ID, Tenant: "third", ByInvoice: true, Ended: RefusalSuperseded, Note: "inv-x"}
	if n, err := w.EndRefusals(ctx(), []RefusalEnd{end}); n != 1 || err != nil {
		t.Errorf("EndRefusals ended %d (error %v), want 1", n, err)
	}
	end = RefusalEnd{ID: file.ID, Tenant: sellerA, Ended: RefusalSuperseded, Note: "inv-y"}
	if n, err := w.EndRefusals(ctx(), []RefusalEnd{end}); n != 1 || err != nil {
		t.Errorf("EndRefusals ended %d (error %v), want 1", n, err)
	}
	if all, err := w.Refusals(ctx(), time.Time{}, ""); err != nil || len(all) != 1 || all[0].Tenant != sellerB {
		t.Errorf("the open refusals are %+v (error %v), want one of the second seller", all, err)
	}
}

func TestRefuse_MoreThanIsKept_TheOldestGoAndOtherTenantsKeepTheirs(t *testing.T) {
	w := oneWorld(t)
	w.must(w.Refuse(ctx(), []Refusal{refusedDoc(sellerB, "other.xml")}))
	all := make([]Refusal, maxRefusals+700)
	for i := range all {
		all[i] = refusedDoc(sellerA, fmt.Sprintf("%05d.xml", i))
	}
	w.must(w.Refuse(ctx(), all[:700]))
	w.must(w.Refuse(ctx(), all[700:]))
	got := w.refusals("")
	if len(got) != maxRefusals+1 || got[0] != "other.xml" || slices.Contains(got, "00000.xml") {
		t.Errorf("%d refusals are on record, the first is %s; want %d, the first other.xml, and 00000.xml not among them",
			len(got), got[0], maxRefusals+1)
	}
}

func TestPruneRefusals_OldOnesGo_SomeAtATime(t *testing.T) {
	w := oneWorld(t)
	for i := range 5 {
		w.must(w.Refuse(ctx(), []Refusal{refusedDoc(sellerA, fmt.Sprint(i, ".xml"))}))
	}
	w.millis.Add(time.Hour.Milliseconds())
	w.must(w.Refuse(ctx(), []Refusal{refusedDoc(sellerA, "new.xml")}))
	for _, want := range []int{3, 2, 0} {
		if n, err := w.PruneRefusals(ctx(), 30*time.Minute, 3); n != want || err != nil {
			t.Errorf("PruneRefusals removed %d refusals (error %v), want %d", n, err, want)
		}
	}
	if got := w.refusals(""); !slices.Equal(got, []string{"new.xml"}) {
		t.Errorf("the refusals left are %v, want new.xml", got)
	}
	if n := len(snapshotOf(t, w.rdb, w.prefix).Hashes["refused:"+sellerA]); n != 1 {
		t.Errorf("%d records of refusals are left, want 1", n)
	}
}

// Refusals must not use up the memory that the invoices in the ledger need to finish.
func TestRefuse_RedisIsFull_IsReportedAndNothingIsWritten(t *testing.T) {
	w := oneWorld(t)
	w.must(w.Refuse(ctx(), []Refusal{refusedDoc(sellerA, "a.xml")}))
	w.must(w.rdb.ConfigSet(ctx(), "maxmemory", "1").Err())
	defer w.rdb.ConfigSet(ctx(), "maxmemory", "0")
	w.unchanged(func() {
		if err := w.Refuse(ctx(), []Refusal{refusedDoc(sellerA, "b.xml")}); !IsFull(err) {
			t.Errorf("Refuse gives the error %v, want that Redis is full", err)
		}
	})
	end := RefusalEnd{ID: RefusalOfFile("a.xml"), Tenant: sellerA, Ended: RefusalSuperseded}
	if n, err := w.EndRefusals(ctx(), []RefusalEnd{end}); n != 1 || err != nil {
		t.Errorf("EndRefusals ended %d (error %v), want 1", n, err)
	}
	if n, err := w.OpenRefusals(ctx()); n != 0 || err != nil {
		t.Errorf("%d refusals are open (error %v), want none", n, err)
	}
}

func TestOpenItems_RefusedRejectedAndParked_NothingElse(t *testing.T) {
	w := oneWorld(t)
	for _, s := range States() {
		w.invoiceIn(s)
	}
	w.must(w.Refuse(ctx(), []Refusal{refusedDoc(sellerA, "a.xml")}))
	got, err := w.OpenItems(ctx())
	w.must(err)
	if len(got) != 3 || got["refused"] != 1 || got["rejected"] != 1 || got["parked"] != 1 {
		t.Errorf("the open items are %v, want one refused, one rejected and one parked", got)
	}
}

// With a key, nothing that a refused document says can be read in Redis. A process without the key
// sees that there is a refusal, and can end it.
func TestRefuse_WithAKey_IsSealedInRedis(t *testing.T) {
	w := oneWorld(t)
	bodies, err := NewBodies(bytes.Repeat([]byte{1}, 32))
	w.must(err)
	keyed := New(w.rdb, Options{Prefix: w.prefix, Now: w.now, Texts: bodies})
	doc := refusedDoc(sellerA, "a.xml")
	doc.Kind, doc.Faults[0].Value = "Jan Kowalski", "Jan Kowalski"
	w.must(keyed.Refuse(ctx(), []Refusal{doc}))
	stored := w.rdb.HGet(ctx(), w.key("refused:", sellerA), doc.ID).Val()
	if stored == "" || strings.Contains(stored, "Kowalski") || strings.Contains(stored, "a.xml") {
		t.Errorf("Redis has the refusal as %q, want nothing of the document in clear text", stored)
	}
	one := func(l *Ledger, ended string) Refusal {
		t.Helper()
		all, err := l.Refusals(ctx(), time.Time{}, ended)
		w.must(err)
		if len(all) != 1 || all[0].ID != doc.ID || all[0].Tenant != sellerA || all[0].At == 0 {
			t.Fatalf("the refusals on record are %+v, want the one refusal", all)
		}
		return all[0]
	}
	if got := one(keyed, ""); got.Kind != doc.Kind || got.File != "a.xml" || got.Faults[0] != doc.Faults[0] {
		t.Errorf("with the key the refusal is %+v, want all of it", got)
	}
	if got := one(w.Ledger, ""); got.File != "" || !strings.Contains(got.Faults[0].Rule, "storage.key_file") {
		t.Errorf("without the key the refusal is %+v, want only that it is encrypted", got)
	}
	w.must(w.DismissRefusal(ctx(), doc.ID, Dismissal{By: "anna", Reason: "a test"}))
	if got := one(keyed, RefusalDismissed); got.File != "a.xml" || !strings.Contains(got.Note, "by anna: a test") {
		t.Errorf("a refusal that was ended without the key is read with the key as %+v, want its file and the note", got)
	}
}

// All clients share the list of refused documents that belong to no tenant.
func TestRefuse_ClientWithManyOfNoTenant_OtherClientsKeepTheirs(t *testing.T) {
	w := oneWorld(t).telling(100_000)
	of := func(client, file string) Refusal {
		r := refusedDoc("", file)
		r.By, r.ID = client, RefusalOfFile(client+file)
		return r
	}
	w.must(w.Refuse(ctx(), []Refusal{of("quiet", "q.xml"), refusedDoc("", "folder.xml")}))
	var all []Refusal
	for i := range maxRefusals + 700 {
		all = append(all, of("loud", fmt.Sprintf("%05d.xml", i)))
	}
	for batch := range slices.Chunk(all, 1900) { // each batch in one call
		w.must(w.Refuse(ctx(), batch))
	}
	got := w.refusals("")
	if len(got) != maxOfClient+2 || !slices.Contains(got, "q.xml") || !slices.Contains(got, "folder.xml") {
		t.Errorf("%d refusals are on record, the first are %v; want %d, with q.xml and folder.xml", len(got), got[:2], maxOfClient+2)
	}
	late := []Refusal{of("quiet", "late.xml"), of("loud", "late.xml")}
	w.must(w.Refuse(ctx(), late))
	if late[0].Untold || !late[1].Untold {
		t.Errorf("Untold is %v for the quiet client and %v for the loud one, want false and true", late[0].Untold, late[1].Untold)
	}
	for _, key := range []string{w.key(keyClientRefusals, "loud"), w.key(keyClientTold, "loud")} {
		if left := w.rdb.PTTL(ctx(), key).Val(); left <= 0 {
			t.Errorf("the key %s never expires", key)
		}
	}
	if n := w.rdb.ZCard(ctx(), w.key(keyClientRefusals, "loud")).Val(); n != maxOfClient {
		t.Errorf("%d refusals of the loud client are remembered, want maxOfClient", n)
	}
	// Another program overwrites the key with the ids of a client's refusals. The next refusal of
	// this client is recorded all the same.
	w.must(w.rdb.Set(ctx(), w.key(keyClientRefusals, "quiet"), "x", 0).Err())
	w.must(w.Refuse(ctx(), []Refusal{of("quiet", "sick.xml")}))
	if !slices.Contains(w.refusals(""), "sick.xml") {
		t.Error("the refusal is not on record")
	}
}
