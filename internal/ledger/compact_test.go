package ledger

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// accepted takes an invoice in and leads it to accepted, by the same moves as a worker.
func (w *world) accepted(number, ref, file string) Invoice {
	w.t.Helper()
	doc := document(sellerA, "VAT", number, "x")
	doc.Ref, doc.File = ref, file
	inv := w.take(doc)[0]
	w.must(w.Wait(ctx(), &inv))
	p := w.cut(groupA, CutLimits{Invoices: 1, Bytes: much})
	w.must(w.MovePackage(ctx(), &p, PackageMove{
		To: PackageOpened, Edit: PackageEdit{}.Opened("20261126-SB-6E9AF92B07-C4DC21CA95-B6", "w", At(noon)),
	}))
	w.step(&p, PackageUploaded)
	closing := closingOf(p)
	closing.Edit = PackageEdit{}.ClosingAt(At(noon))
	w.must(w.MovePackage(ctx(), &p, closing))
	w.step(&p, PackageProcessing)
	return w.move(w.read(inv.ID)[0], Accepted, Edit{}.Number(sellerA+"-20261126-B58C77000001-B2").Mode("online").AcceptedAt(At(noon))...)
}

const aUPO = "s3://archive/5265877635/2026-11/upo/20261126-SB-6E9AF92B07-C4DC21CA95-B6.xml"

func (w *world) receipt(inv Invoice) Invoice {
	w.t.Helper()
	errs, err := w.Receipt(ctx(), []string{inv.ID}, aUPO)
	w.must(err)
	w.must(errs[0])
	return w.again(inv)
}

func (w *world) isPacked(id string) bool {
	key, field := w.bucketOf(id)
	return w.rdb.HExists(ctx(), key, field).Val() && w.rdb.Exists(ctx(), w.key(keyInvoice, id)).Val() == 0
}

func TestCompact_AReceiptedInvoice_ReadsAsBeforeAndIsFoundEveryWay(t *testing.T) {
	w := oneWorld(t)
	was := w.accepted("FV/2026/11/000123", "order 7", "a.xml")
	got := w.receipt(was)
	if !w.isPacked(was.ID) {
		t.Fatal("the receipted entry is not packed")
	}
	was.State, was.UPO, was.Rev, was.UpdatedAt = Receipted, aUPO, was.Rev+1, got.UpdatedAt
	if d := cmp.Diff(was, got); d != "" {
		t.Error(d)
	}
	ident := Identity{was.NIP, was.Kind, was.Number}.digest()
	name, _ := identityBucket(ident)
	if enc := w.rdb.ObjectEncoding(ctx(), w.key(keyIdentities, name)).Val(); enc != "listpack" ||
		w.rdb.Exists(ctx(), w.key(keyIdentity, ident)).Val() != 0 {
		t.Errorf("Redis keeps the identity as %s, want a listpack in a bucket", enc)
	}
	byNumber, err := w.ByNumber(ctx(), "FV/2026/11/000123")
	w.must(err)
	byRef, err := w.ByRef(ctx(), "order 7", sellerA)
	w.must(err)
	inState, err := w.InState(ctx(), Receipted, time.Time{}, time.Time{}, 0)
	w.must(err)
	for how, ids := range map[string][]string{"number": byNumber, "ref": byRef, "state": inState} {
		if len(ids) != 1 || ids[0] != was.ID {
			t.Errorf("looked up by %s, the packed invoice gives %v, want its id", how, ids)
		}
	}
	fresh := New(w.rdb, Options{Prefix: w.prefix}) // a process that has no shape in memory
	if inv, err := fresh.Invoice(ctx(), was.ID); err != nil || inv != got {
		t.Errorf("a process without the shape reads %+v (error %v), want the same entry", inv, err)
	}
}

func TestCompact_TheDocumentIsHandedInAgain_IsPresentAndAnotherOfItsNumberIsRefused(t *testing.T) {
	w := oneWorld(t)
	doc := document(sellerA, "VAT", "1", "x")
	inv := w.receipt(w.accepted("1", "order 7", ""))
	for _, l := range []*Ledger{w.Ledger, New(w.rdb, Options{Prefix: w.prefix})} {
		other := document(sellerA, "VAT", "1", "y")
		same := document(sellerA, "VAT", "2", "z")
		same.Ref = "order 7"
		res, err := l.Take(ctx(), []NewInvoice{doc, other, same})
		w.must(err)
		if res[0].Taken != Present || res[0].State != Receipted || res[0].Ref != "order 7" || res[0].Rev != inv.Rev ||
			res[0].Revision != 1 {
			t.Errorf("the same document gives %+v, want present with its ref and revision", res[0])
		}
		if res[1].Taken != Refused || res[1].ID != inv.ID || res[2].Taken != RefUsed || res[2].RefOf != inv.ID {
			t.Errorf("another document of the number gives %+v, another invoice with the ref %+v: want both refused because of the first",
				res[1], res[2])
		}
	}
}

func TestCompact_SweepFindsWhatAnOlderBuildReceipted_AndPacksItOnce(t *testing.T) {
	w := oneWorld(t)
	inv := w.accepted("1", "", "a.xml")
	w.must(w.Move(ctx(), Move{ID: inv.ID, To: Receipted, Edit: Edit{{"upo", aUPO}}, dropBody: true}))
	was := w.again(inv)
	for i, want := range []int{1, 0} {
		if n, err := w.Compact(ctx(), 1000); n != want || err != nil {
			t.Errorf("round %d: packed %d entries (error %v), want one in the first round only", i, n, err)
		}
	}
	if d := cmp.Diff(was, w.again(inv)); d != "" || !w.isPacked(inv.ID) {
		t.Error(d)
	}
}

// An entry stays as it is if packing would lose something.
func TestCompact_WhatARecordCannotHold_StaysAsItIs(t *testing.T) {
	next := worlds(t)
	for name, spoil := range map[string]func(w *world, key string) error{
		"a field of a newer build": func(w *world, key string) error { return w.rdb.HSet(ctx(), key, "newer", "1").Err() },
		"facts of a newer build": func(w *world, key string) error {
			facts := w.rdb.HGet(ctx(), key, "facts").Val()
			return w.rdb.HSet(ctx(), key, "facts", strings.Replace(facts, `"kind"`, `"more":1,"kind"`, 1)).Err()
		},
		"a reason that is too long": func(w *world, key string) error {
			return w.rdb.HSet(ctx(), key, "reason", strings.Repeat("x", finalPiece*finalPieces)).Err()
		},
		"a document in the archive store": func(w *world, key string) error { return w.rdb.HSet(ctx(), key, "body_archived", "1").Err() },
		"a number that is damaged":        func(w *world, key string) error { return w.rdb.HSet(ctx(), key, "size", "many").Err() },
	} {
		t.Run(name, func(t *testing.T) {
			w := next(nil)
			w.t = t
			if strings.HasPrefix(name, "facts") {
				w.inFormat(FormatBuckets)
			}
			inv := w.accepted("1", "", "a.xml")
			w.must(w.Move(ctx(), Move{ID: inv.ID, To: Receipted, dropBody: true}))
			key := w.key(keyInvoice, inv.ID)
			w.must(spoil(w, key))
			before := w.rdb.HGetAll(ctx(), key).Val()
			if n, err := w.Compact(ctx(), 1000); n != 0 || err != nil {
				t.Errorf("packed %d entries (error %v), want none", n, err)
			}
			if d := cmp.Diff(before, w.rdb.HGetAll(ctx(), key).Val()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCompact_TheEntryChangesAfterItWasRead_StaysAsItIs(t *testing.T) {
	w := oneWorld(t)
	inv := w.accepted("1", "", "a.xml")
	w.must(w.Move(ctx(), Move{ID: inv.ID, To: Receipted, dropBody: true}))
	w.must(w.LoadScripts(ctx()))
	w.rdb.AddHook(&beforePiece{script: compactScript, n: 1, act: func() error {
		return w.rdb.HSet(ctx(), w.key(keyInvoice, inv.ID), "reason", "meanwhile").Err()
	}})
	if n, err := w.Compact(ctx(), 1000); n != 0 || err != nil || w.isPacked(inv.ID) {
		t.Errorf("packed %d entries (error %v), entry packed %v; want 0 and false, because the entry has changed",
			n, err, w.isPacked(inv.ID))
	}
	if got := w.again(inv); got.Reason != "meanwhile" {
		t.Errorf("the reason is %q, want the one that was written meanwhile", got.Reason)
	}
}

func TestCompact_AFieldIsWrittenLater_CountsMoreThanTheRecord(t *testing.T) {
	w := oneWorld(t)
	inv := w.receipt(w.accepted("1", "", "a.xml"))
	w.must(w.Move(ctx(), Move{ID: inv.ID, From: []State{Receipted}, Edit: Edit{}.Reason("the archive lost it")}))
	got := w.again(inv)
	if got.Reason != "the archive lost it" || got.Number != inv.Number || got.Rev != inv.Rev+1 {
		t.Errorf("the entry is %+v, want the new reason, one more revision and the rest of the record", got)
	}
}

func TestCompact_OldEntriesArePruned_WithTheirIdentityAndRef(t *testing.T) {
	w := oneWorld(t)
	inv := w.receipt(w.accepted("1", "order 7", "a.xml"))
	p := w.readPackage(inv.Package)
	w.step(&p, PackageSettled)
	w.step(&p, PackageReceipted)
	if n, err := w.pruneBefore(inv.UpdatedAt.Time().Add(time.Second), 10); n != 2 || err != nil { // and its package
		t.Errorf("pruned %d entries (error %v), want the invoice and its package", n, err)
	}
	left := w.rdb.Keys(ctx(), w.prefix+"inv:*").Val()
	left = append(left, w.rdb.Keys(ctx(), w.prefix+"ident*").Val()...)
	left = append(left, w.rdb.Keys(ctx(), w.prefix+"final:*").Val()...)
	if left = append(left, w.rdb.Keys(ctx(), w.prefix+"ref:*").Val()...); len(left) != 0 {
		t.Errorf("the keys %v are left of the pruned invoice, want none", left)
	}
}

func TestCompact_SealedTexts_AreReadCountedAndSealedAgain(t *testing.T) {
	w := oneWorld(t)
	first := w.Ledger
	w.Ledger = w.sealing(1)
	inv := w.receipt(w.accepted("1", "order 7", "Kowalski.xml"))
	if !w.isPacked(inv.ID) || inv.File != "Kowalski.xml" || inv.Ref != "order 7" {
		t.Fatalf("packed %v: the entry is %+v, want it packed, with both texts", w.isPacked(inv.ID), inv)
	}
	if raw := w.raw(); strings.Contains(raw, "Kowalski") || strings.Contains(raw, "order 7") {
		t.Error("Redis has a sealed text in clear")
	}
	rotated := w.sealing(2, 1)
	if n, err := rotated.Reseal(ctx(), 100); n != 1 || err != nil {
		t.Errorf("sealed %d entries again (error %v), want 1", n, err)
	}
	only := w.sealing(2)
	got, err := only.Invoice(ctx(), inv.ID)
	w.must(err)
	if d := cmp.Diff(inv, got); d != "" {
		t.Error(d)
	}
	if ids, err := only.ByRef(ctx(), "order 7", sellerA); err != nil || len(ids) != 1 {
		t.Errorf("the ref finds %v (error %v), want the one invoice", ids, err)
	}
	w.Ledger = first
}

// An older build takes a packed entry for an entry of a newer build.
func TestCompact_AnOlderBuild_TakesAPackedEntryForThatOfANewerBuild(t *testing.T) {
	var known Invoice
	if known.unpackFacts(finalFacts) == nil && known.V <= Version {
		t.Errorf("an older build reads layout %d from a packed entry, want a layout that only newer builds write", known.V)
	}
}

func TestPackFinal_AnyInvoice_ReadsAsItWas(t *testing.T) {
	words := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "2026-11-26", "2026-13-99", "20261126-SB-6E9AF92B07-C4DC21CA95-B6",
		"20261126-SB-6e9AF92B07-C4DC21CA95-B6", "pkg-dc43tgpksduftsinedn0", "pkg-dc43tgpksduftsinedn1", "pkg-", "-20261126-B58C77000001-B2",
		"5265877635-20261126-B58C77000001-B2", "IqhfRxivCBa0ONpXhGhbKE7lT6ZuLDyoLddAN921Y6I=",
		"IqhfRxivCBa0ONpXhGhbKE7lT6ZuLDyoLddAN921Y6J="}))
	rapid.Check(t, func(t *rapid.T) {
		i := Invoice{Facts: Facts{V: Version, ID: "inv-x"}}
		for k, f := range []*string{&i.Tenant, &i.NIP, &i.Context, &i.Subject,
			&i.Kind, &i.IssueDate, &i.File, &i.Ref, &i.Form, &i.Number, &i.Hash,
			&i.Package, &i.Session, &i.Reference, &i.LeftSession, &i.KsefNumber,
			&i.Mode, &i.OriginalNumber, &i.OriginalBy, &i.Reason, &i.TakenBack, &i.UPO} {
			*f = words.Draw(t, fmt.Sprint("text ", k))
		}
		i.CreatedAt, i.Deadline = Millis(rapid.Int64Range(-1<<40, 1<<45).Draw(t, "created")),
			Millis(rapid.Int64Range(-1<<40, 1<<45).Draw(t, "due"))
		i.Size, i.Code, i.Recovered, i.Offline = rapid.Int64().Draw(t, "size"), int(rapid.Int32().Draw(t, "code")),
			rapid.Bool().Draw(t, "r"), rapid.Bool().Draw(t, "o")
		record, shape, err := packFinal(&i, new(writtenShapes))
		if err != nil {
			t.Fatal(err)
		}
		h := map[string]string{"facts": finalFacts}
		if len(record) < finalPiece*finalPieces {
			for k, p := range piecesOf(record) {
				h[fmt.Sprint(k)] = p
			}
			record = packedIn(h)
		}
		var got Invoice
		if err := got.unpackFinal("inv-x", record, shape); err != nil || got != i {
			// JSON cannot hold invalid UTF-8. Compact finds the difference and leaves the entry as
			// it is.
			if !strings.ContainsRune(shape.text, '\uFFFD') {
				t.Fatalf("the record is read as another invoice (error %v, -want +got):\n%s", err, cmp.Diff(i, got))
			}
		}
		cut := record[:rapid.IntRange(0, len(record)-1).Draw(t, "cut")]
		if new(Invoice).unpackFinal("inv-x", cut, shape) == nil {
			t.Fatal("a record whose end is missing was read without an error")
		}
	})
}
