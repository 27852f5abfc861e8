package ledger

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inFormat makes the ledger of a world write the given format.
func (b *bed) inFormat(format int) {
	b.t.Helper()
	h, err := b.Home(ctx())
	b.must(err)
	h.Writes = format
	raw, err := json.Marshal(h)
	b.must(err)
	b.must(b.rdb.Set(ctx(), b.key(keyHome), raw, 0).Err())
	*b.gate = formatGate{}
}

// unusual is a document that has every fact that an entry can have, except Corrects.
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
			for k, form := range []int{FormatBuckets, FormatPacked} {
				w := next(t)
				if key != 0 {
					w.Ledger = w.sealing(key)
				}
				w.inFormat(form)
				w.millis.Store(noon.UnixMilli())
				read[k] = w.take(doc)[0]
				if facts := w.rdb.HGet(ctx(), w.key(keyInvoice, doc.ID), "facts").Val(); (facts == finalFacts) != (form == FormatPacked) {
					t.Errorf("%s, format %d: the facts are %s, want them packed only in the newest format", name, form, facts)
				}
			}
			if d := cmp.Diff(read[0], read[1]); d != "" || read[1].File != doc.File || read[1].Ref != doc.Ref {
				t.Errorf("%s, key %d: the packed entry has file %q and ref %q, want %q and %q, and all else as in JSON (-JSON +packed):\n%s",
					name, key, read[1].File, read[1].Ref, doc.File, doc.Ref, d)
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
		"a technical correction":            func(d *NewInvoice) { d.Corrects = d.Hash },
		"a very long file name":             func(d *NewInvoice) { d.File = strings.Repeat("x", finalPiece*finalPieces) },
		"a tenant's name that is not UTF-8": func(d *NewInvoice) { d.Tenant = "\xff" },
	} {
		w, doc := next(t), document(sellerB, "VAT", "FV/1", "first")
		change(&doc)
		other := w.fresh()
		w.take(doc, other)
		if facts := w.rdb.HGet(ctx(), w.key(keyInvoice, doc.ID), "facts").Val(); !strings.HasPrefix(facts, `{"v":1,`) {
			t.Errorf("%s: the facts are %s, want JSON", name, facts)
		}
		if facts := w.rdb.HGet(ctx(), w.key(keyInvoice, other.ID), "facts").Val(); facts != finalFacts {
			t.Errorf("beside %s: the facts of another invoice are %s, want them packed", name, facts)
		}
	}
}

func TestTake_ShapesHoldAnotherType_EntriesAreJSONAndRead(t *testing.T) {
	w := oneWorld(quiet{t})
	w.must(w.rdb.Set(ctx(), w.key(keyShapes), "x", 0).Err())
	doc := w.fresh()
	if got := w.take(doc)[0]; got.File != doc.File {
		t.Errorf("the entry is read as %+v, want its file name", got)
	}
	w.must(w.rdb.Del(ctx(), w.key(keyShapes)).Err())
}

// While no value is longer than 64 bytes, Redis keeps a hash in a quarter of the memory.
func TestTake_AnOrdinaryEntry_StaysSmallUntilItsReceipt(t *testing.T) {
	w := oneWorld(t)
	small := func(when, id string) {
		t.Helper()
		if e := w.rdb.ObjectEncoding(ctx(), w.key(keyInvoice, id)).Val(); e != "listpack" {
			t.Errorf("%s: the entry is kept as a %s, want a listpack: %v", when, e, w.rdb.HGetAll(ctx(), w.key(keyInvoice, id)).Val())
		}
	}
	doc := w.fresh()
	doc.Number, doc.File = strings.Repeat("9", 40), "Faktura sprzedaży 2026-11 000123 Przedsiębiorstwo.xml"
	doc.ID = doc.IDWith(doc.Hash)
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

// One entry is in the form in which an older build takes invoices in, and another entry is in the
// form of this build. The two invoices go in one package, and both entries are packed at the end.
func TestFormat_EntriesOfBothInOnePackage_GoTheWholeWay(t *testing.T) {
	w := oneWorld(t)
	var ids []string
	for _, form := range []int{FormatBuckets, FormatPacked} {
		w.inFormat(form)
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
			t.Errorf("at the end the entry is %+v, packed %v; want it receipted and packed, with revision 1, 1 attempt and its date",
				inv, w.isPacked(ids[k]))
		}
	}
}

func TestMayTake_TheFormatIsNotWrittenYet_EntriesAndDocumentsAreAsEarlierBuildsReadThem(t *testing.T) {
	w := oneWorld(t)
	bodies, err := NewBodies()
	w.must(err)
	for _, format := range []int{FormatBuckets, FormatPacked, FormatBuckets} {
		w.inFormat(format)
		w.must(mayTake(w, bodies, 0))
		inv := w.take(w.fresh())[0]
		facts := w.rdb.HGet(ctx(), w.key(keyInvoice, inv.ID), "facts").Val()
		sealed, err := bodies.AppendSeal(nil, inv.ID, []byte("<Faktura/>"))
		w.must(err)
		if newest := format == FormatPacked; (facts == finalFacts) != newest || (sealed[0] > sealedEncryptedDict) != newest {
			t.Errorf("format %d: the facts are %s and the document is in layout %d, want both in the form of that format",
				format, facts, sealed[0])
		}
	}
}

func TestTake_APackedEntry_IsFoundByItsTenantAndIdentity(t *testing.T) {
	w := oneWorld(t)
	doc := w.fresh()
	inv := w.take(doc)[0]
	counts, _, err := w.Unserved(ctx(), func(tenant string) bool { return tenant != doc.Tenant }, 10)
	if err != nil || counts[doc.Tenant] != 1 {
		t.Errorf("the unserved invoices are %v (error %v), want one of the tenant", counts, err)
	}
	w.shapes.by = nil // as in a process that has read no shape
	res, err := w.Take(ctx(), []NewInvoice{doc})
	if err != nil || res[0].Taken != Present || res[0].ID != inv.ID || res[0].Revision != 1 {
		t.Errorf("handed in again: %+v (error %v), want present", res, err)
	}
}
