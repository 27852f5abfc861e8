package ledger

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inForm lets a world take new invoices in another form.
func (b *bed) inForm(form int) { b.learnForm(fmt.Sprint(form)) }

// unusual is a document with every fact set that an entry can have, except Corrects.
func unusual() NewInvoice {
	d := document(sellerA, "VAT", "FV/ż/1", "first")
	d.Tenant, d.Context, d.Subject, d.Ref, d.File = "Łódź 1", sellerB, "Subject3", "order 7", "faktura \"1\".xml"
	d.Offline, d.Attachment, d.Overflow = true, true, true
	return d
}

func TestTake_APackedEntry_SaysTheSameAsOneInJSON(t *testing.T) {
	next := worlds(t)
	for name, doc := range map[string]NewInvoice{"ordinary": document(sellerA, "VAT", "FV/1", "first"), "unusual": unusual()} {
		for _, key := range []byte{0, 7} {
			var read [2]Invoice
			for k, form := range []int{1, packedForm} {
				w := next(t)
				if key != 0 {
					w.Ledger = w.sealing(key)
				}
				w.inForm(form)
				w.millis.Store(noon.UnixMilli())
				read[k] = w.take(doc)[0]
				if facts := w.rdb.HGet(ctx(), w.key(keyInvoice, doc.ID), "facts").Val(); (facts == finalFacts) != (form == packedForm) {
					t.Errorf("%s, form %d: facts are %s", name, form, facts)
				}
			}
			if d := cmp.Diff(read[0], read[1]); d != "" || read[1].File != doc.File || read[1].Ref != doc.Ref {
				t.Errorf("%s, key %d (-JSON +packed):\n%s", name, key, d)
			}
		}
	}
}

// A fact that is added to Facts has to be added to the record, too.
func TestTake_EveryFactOfAnEntry_IsInItsRecord(t *testing.T) {
	w, doc := oneWorld(t), unusual()
	got := reflect.ValueOf(w.take(doc)[0].Facts)
	for k := range got.NumField() {
		if field := got.Type().Field(k).Name; got.Field(k).IsZero() && field != "Corrects" {
			t.Errorf("%s is lost, or the test does not set it", field)
		}
	}
}

func TestTake_WhatARecordCannotHold_IsJSONAndRead(t *testing.T) {
	next := worlds(t)
	for name, change := range map[string]func(*NewInvoice){
		"a technical correction": func(d *NewInvoice) { d.Corrects = d.Hash },
		"a very long file name":  func(d *NewInvoice) { d.File = strings.Repeat("x", finalPiece*finalPieces) },
		"a tenant of no UTF-8":   func(d *NewInvoice) { d.Tenant = "\xff" },
	} {
		w, doc := next(t), document(sellerB, "VAT", "FV/1", "first")
		change(&doc)
		other := w.fresh()
		w.take(doc, other)
		if facts := w.rdb.HGet(ctx(), w.key(keyInvoice, doc.ID), "facts").Val(); !strings.HasPrefix(facts, `{"v":1,`) {
			t.Errorf("%s: facts are %s", name, facts)
		}
		if facts := w.rdb.HGet(ctx(), w.key(keyInvoice, other.ID), "facts").Val(); facts != finalFacts {
			t.Errorf("beside %s: facts are %s", name, facts)
		}
	}
}

func TestTake_ShapesHoldAnotherType_EntriesAreJSONAndRead(t *testing.T) {
	w := oneWorld(quiet{t})
	w.must(w.rdb.Set(ctx(), w.key(keyShapes), "x", 0).Err())
	doc := w.fresh()
	if got := w.take(doc)[0]; got.File != doc.File {
		t.Errorf("%+v", got)
	}
	w.must(w.rdb.Del(ctx(), w.key(keyShapes)).Err())
}

// While no value is longer than 64 bytes, Redis keeps a hash in a quarter of the memory.
func TestTake_AnOrdinaryEntry_StaysSmallUntilItsReceipt(t *testing.T) {
	w := oneWorld(t)
	small := func(when, id string) {
		t.Helper()
		if e := w.rdb.ObjectEncoding(ctx(), w.key(keyInvoice, id)).Val(); e != "listpack" {
			t.Errorf("%s: it is a %s: %v", when, e, w.rdb.HGetAll(ctx(), w.key(keyInvoice, id)).Val())
		}
	}
	doc := w.fresh()
	doc.Number, doc.File = strings.Repeat("9", 40), "Faktura sprzedaży 2026-11 000123 Przedsiębiorstwo.xml"
	inv := w.take(doc)[0]
	small("taken in", inv.ID)
	w.must(w.Wait(ctx(), &inv))
	small("waiting", inv.ID)
	p := w.cut(groupA, CutLimits{Invoices: 1, Bytes: 1 << 40})
	for _, next := range packagePath[1:5] {
		w.step(&p, next)
	}
	inv = w.heldBy(p)
	w.move(inv, Accepted, change{"ksef_number", "5265877635-20250826-0100001AF629-AF"}, change{"reason", ""})
	small("accepted", inv.ID)
}

// What an older build has taken in goes on, and ends packed.
func TestForms_EntriesOfBothInOnePackage_GoTheWholeWay(t *testing.T) {
	w := oneWorld(t)
	var ids []string
	for _, form := range []int{1, packedForm} {
		w.inForm(form)
		inv := w.take(w.fresh())[0]
		ids = append(ids, inv.ID)
		w.must(w.Wait(ctx(), &inv))
	}
	p := w.cut(groupA, CutLimits{Invoices: 2, Bytes: 1 << 40})
	for _, next := range packagePath[1:5] {
		w.step(&p, next)
	}
	for k, inv := range w.read(ids...) {
		w.move(inv, Accepted, change{"ksef_number", fmt.Sprintf("5265877635-20250826-0100001AF62%d-AF", k)})
	}
	_, err := w.Receipt(ctx(), ids, aUPO)
	w.must(err)
	for k, inv := range w.read(ids...) {
		if inv.State != Receipted || inv.Revision != 1 || inv.Attempts != 1 || inv.IssueDate != "2026-11-23" || !w.isPacked(ids[k]) {
			t.Errorf("%+v", inv)
		}
	}
}

func TestForms_NewestIsWrittenOnlyWhileEveryWorkerReadsIt(t *testing.T) {
	w := oneWorld(t)
	bodies, err := NewBodies()
	w.must(err)
	written := func() string {
		t.Helper()
		w.must(w.MayTake(ctx(), bodies, 0))
		inv := w.take(w.fresh())[0]
		facts := w.rdb.HGet(ctx(), w.key(keyInvoice, inv.ID), "facts").Val()
		sealed, err := bodies.AppendSeal(nil, inv.ID, []byte("<Faktura/>"))
		w.must(err)
		return fmt.Sprint(facts == finalFacts, " ", sealed[0] > sealedEncryptedDict)
	}
	expect := func(when, want string) {
		t.Helper()
		if got := written(); got != want {
			t.Errorf("%s: packed and dense are %s, want %s", when, got, want)
		}
	}
	agree := func(want int, servers ...string) {
		t.Helper()
		if form, err := w.AgreeForm(ctx(), servers); form != want || err != nil {
			t.Errorf("%v agree on %d, %v, want %d", servers, form, err, want)
		}
	}
	expect("no worker has said anything", "false false")
	agree(1)
	agree(1, "a")
	w.must(w.NoteReads(ctx(), "a", formsKept))
	agree(packedForm, "a")
	expect("the only worker reads it", "true true")
	agree(1, "a", "older")
	expect("an older worker has started", "false false")
	w.must(w.NoteReads(ctx(), "b", 2*formsKept))
	agree(packedForm, "a", "b")
	w.millis.Add(formsKept.Milliseconds() + 100)
	agree(1, "a", "b") // the heartbeat of a is over
	agree(packedForm, "b")
	w.must(w.rdb.HSet(ctx(), w.key(keyReads), "b", "damaged").Err())
	agree(1, "b")
	w.must(w.NoteReads(ctx(), "b", formsKept))
	w.must(w.rdb.HSet(ctx(), w.key(keyReads), "c", fmt.Sprint(newestForm+1, " ", int64(1)<<50)).Err())
	agree(newestForm, "b", "c") // of a newer build
	expect("a newer worker beside it", "true true")
	w.must(w.rdb.Set(ctx(), w.key(keyForms), newestForm+1, 0).Err())
	expect("all workers are newer than this process", "true true")
	w.must(w.rdb.Set(ctx(), w.key(keyForms), "damaged", 0).Err())
	expect("the form is damaged", "false false")
}

func TestForms_KeysOfAnotherType_TheFirstFormIsWrittenAndWorkersGoOn(t *testing.T) {
	w := oneWorld(t)
	w.must(w.rdb.LPush(ctx(), w.key(keyForms), "x").Err())
	w.must(w.rdb.Set(ctx(), w.key(keyReads), "x", 0).Err())
	w.must(w.NoteReads(ctx(), "a", formsKept))
	bodies, err := NewBodies()
	w.must(err)
	w.must(w.MayTake(ctx(), bodies, 0))
	if facts := w.rdb.HGet(ctx(), w.key(keyInvoice, w.take(w.fresh())[0].ID), "facts").Val(); facts == finalFacts {
		t.Error("a new form was written")
	}
	form, err := w.AgreeForm(ctx(), []string{"a"})
	if form != 1 || err != nil || w.rdb.Exists(ctx(), w.key(keyForms)).Val() != 0 {
		t.Errorf("agreed on %d, %v", form, err)
	}
	w.must(w.rdb.Del(ctx(), w.key(keyReads)).Err())
}

// Without workers nobody says so again.
func TestForms_WhatASweepFound_CountsForAnHour(t *testing.T) {
	w := oneWorld(t)
	w.must(w.NoteReads(ctx(), "a", formsKept))
	if _, err := w.AgreeForm(ctx(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if ttl, err := w.rdb.TTL(ctx(), w.key(keyForms)).Result(); err != nil || ttl <= formsKept/2 || ttl > formsKept {
		t.Errorf("it expires in %v, %v", ttl, err)
	}
}

func TestTake_APackedEntry_IsFoundByItsTenantAndIdentity(t *testing.T) {
	w := oneWorld(t)
	doc := w.fresh()
	inv := w.take(doc)[0]
	counts, _, err := w.Unserved(ctx(), func(tenant string) bool { return tenant != doc.Tenant }, 10)
	if err != nil || counts[doc.Tenant] != 1 {
		t.Errorf("unserved: %v, %v", counts, err)
	}
	w.shapes.by.Clear() // as in another process
	res, err := w.Take(ctx(), []NewInvoice{doc})
	if err != nil || res[0].Taken != Present || res[0].ID != inv.ID || res[0].Revision != 1 {
		t.Errorf("handed in again: %+v, %v", res, err)
	}
}
