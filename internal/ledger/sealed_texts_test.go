package ledger

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// sealing returns a ledger on the same entries. It seals its texts with the first of these keys.
func (se *seals) sealing(keys ...byte) *Ledger {
	return New(se.rdb, Options{Prefix: se.prefix, Now: se.now, Texts: ring(se.t, keys...)})
}

// raw returns everything that Redis has under the prefix.
func (b *bed) raw() string {
	b.t.Helper()
	var all strings.Builder
	for _, key := range b.rdb.Keys(ctx(), b.prefix+"*").Val() {
		fmt.Fprintln(&all, key, b.rdb.Get(ctx(), key).Val(), b.rdb.HGetAll(ctx(), key).Val())
	}
	return all.String()
}

// quoted is a name that Redis may have only in sealed texts.
const quoted = "Zdzisława"

// plantTexts writes texts of every kind:
//   - the file names of four invoices, one of which gets other terms later
//   - the reasons of an invoice, of two packages and of a hold
//   - a refusal and the note of its end
//   - what KSeF said about an invoice and about a package
//   - three texts about a tenant
//
// It returns the ids of the invoices and the packages.
func (se *seals) plantTexts(l *Ledger) (invoices, packages []string) {
	se.t.Helper()
	docs := []NewInvoice{se.fresh(), se.fresh(), se.fresh(), se.fresh()}
	for i := range docs {
		docs[i].File = quoted + ".xml"
		invoices = append(invoices, docs[i].ID)
	}
	res, err := l.Take(ctx(), docs)
	se.must(err)
	se.must(l.Move(ctx(), Move{ID: docs[0].ID, Rev: res[0].Rev, To: Rejected, Edit: Edit{{"reason", quoted + " is wrong"}}}))
	inv, err := l.Invoice(ctx(), docs[1].ID)
	se.must(err)
	se.must(l.ChangeTerms(ctx(), &inv, NewTerms{Offline: true}))
	for i := range 2 {
		id := fmt.Sprint("pkg-", i)
		inv, err = l.Invoice(ctx(), docs[2+i].ID)
		se.must(err)
		se.must(l.Wait(ctx(), &inv))
		_, err = l.Cut(ctx(), id, inv.WaitingGroup(), CutLimits{Invoices: 1, Bytes: 1 << 40})
		se.must(err)
		packages = append(packages, id)
	}
	p, err := l.Package(ctx(), packages[0])
	se.must(err)
	se.must(l.Repack(ctx(), &p, PackageAbandoned, quoted+" was refused", []Part{
		{ID: packages[1], Into: true, IDs: invoices[2:3]},
	}))
	p, err = l.Package(ctx(), packages[1])
	se.must(err)
	se.must(l.MovePackage(ctx(), &p, PackageMove{Edit: PackageEdit{}.Reason(quoted + " was refused")}))
	refusal := Refusal{ID: RefusalOfFile("a"), Tenant: "One", File: quoted, Faults: []RefusalFault{{Rule: "r", Value: quoted}}}
	se.must(l.Refuse(ctx(), []Refusal{refusal}))
	se.must(l.DismissRefusal(ctx(), refusal.ID, Dismissal{By: "anna", Reason: quoted}))
	se.must(l.Hold(ctx(), "One", Hold{Kind: Paused, By: "anna", Why: quoted + " asked for it"}))
	se.must(l.NoteSaidOfInvoice(ctx(), invoices[3], quoted+" is said"))
	se.must(l.NoteSaidOfPackage(ctx(), packages[1], quoted+" is said"))
	se.must(l.NoteRefused(ctx(), "One", time.Now(), quoted+" is said"))
	se.must(l.NoteKeyRefused(ctx(), "One", quoted+" is said"))
	se.must(l.NoteSaidOfTenant(ctx(), "One", quoted+" of a chunk"))
	return invoices, packages
}

// readTexts returns how many of the planted texts a ledger can read.
func (se *seals) readTexts(l *Ledger, invoices, packages []string) int {
	se.t.Helper()
	n := 0
	count := func(text string) {
		if strings.Contains(text, quoted) {
			n++
		}
	}
	invs, err := l.Invoices(ctx(), invoices)
	se.must(err)
	for _, inv := range invs {
		count(inv.File)
		count(inv.Reason)
		count(inv.Said)
	}
	pkgs, err := l.Packages(ctx(), packages)
	se.must(err)
	for _, p := range pkgs {
		count(p.Reason)
		count(p.Said)
	}
	refusals, err := l.Refusals(ctx(), time.Time{}, RefusalDismissed)
	se.must(err)
	for _, r := range refusals {
		count(r.File)
		count(r.Note)
	}
	holds, err := l.Holds(ctx())
	se.must(err)
	count(holds["One"].Why)
	tenant, err := l.Tenant(ctx(), "One")
	se.must(err)
	count(tenant.RefusedWhy)
	count(tenant.KeyRefused)
	count(tenant.Said)
	return n
}

const plantedTexts = 15

func TestTexts_WithAKey_NoneCanBeReadInRedisAndAllByWhoeverHasTheKey(t *testing.T) {
	w := oneWorld(t)
	invoices, packages := w.plantTexts(w.sealing(7))
	if raw := w.raw(); strings.Contains(raw, quoted) || len(raw) < 2000 {
		t.Errorf("Redis has %d bytes, want at least 2000, without the planted name %s in clear:\n%s", len(raw), quoted, raw)
	}
	for name, c := range map[string]struct {
		l    *Ledger
		want int
	}{
		"the key": {w.sealing(7), plantedTexts}, "the key among others": {w.sealing(8, 7), plantedTexts},
		"another key": {w.sealing(8), 0}, "no key": {w.sealing(), 0},
	} {
		if got := w.readTexts(c.l, invoices, packages); got != c.want {
			t.Errorf("with %s %d of the texts can be read, want %d", name, got, c.want)
		}
	}
	inv, err := w.sealing().Invoice(ctx(), invoices[0])
	if w.must(err); !strings.Contains(inv.File, "storage.key_file") {
		t.Errorf("without the key the file name is read as %q, want that it needs storage.key_file", inv.File)
	}
}

// Texts that were written before there was a key stay readable.
func TestTexts_WrittenBeforeThereWasAKey_StayReadable(t *testing.T) {
	w := oneWorld(t)
	invoices, packages := w.plantTexts(w.sealing())
	if got := w.readTexts(w.sealing(7), invoices, packages); got != plantedTexts {
		t.Errorf("%d of %d texts can be read, want all", got, plantedTexts)
	}
}

func TestSealTally_TextsOfEveryKind_CountForTheirKey(t *testing.T) {
	w := oneWorld(t)
	w.plantTexts(w.sealing(7))
	tally, err := w.SealTally(ctx())
	w.must(err)
	key := ring(t, 7).KeyIDs()[0]
	// A refusal and the note of its end are one sealed text.
	if got := tally.Texts[key]; got != plantedTexts-1 || len(tally.Texts) != 1 || tally.Needs(key) != got {
		t.Errorf("the texts are sealed with %+v, want all with the one key", tally)
	}
}

// When keys are rotated as the documentation says, no text is lost. The old key stays in use while
// a text needs it. The sweep seals the texts again with the new key, and then the old key can be
// removed.
func TestReseal_KeyIsRotated_EveryTextIsReadableWithTheNewKeyAlone(t *testing.T) {
	w := oneWorld(t)
	w.must(w.Declare(ctx(), ring(t, 7)))
	invoices, packages := w.plantTexts(w.sealing(7))
	w.must(w.Declare(ctx(), ring(t, 8, 7)))
	if refused := refusal(t, w.Declare(ctx(), ring(t, 8))); refused.Waiting != plantedTexts-1 {
		t.Errorf("declaring the new key alone gives %v, want a refusal because of all texts", refused)
	}
	before := w.read(invoices...)
	for range 4 { // two entries of each state in one round
		_, err := w.sealing(8, 7).Reseal(ctx(), 2)
		w.must(err)
	}
	tally, err := w.SealTally(ctx())
	w.must(err)
	old, fresh := ring(t, 7).KeyIDs()[0], ring(t, 8).KeyIDs()[0]
	if tally.Texts[fresh] != plantedTexts-1 || tally.Texts[old] != 0 {
		t.Errorf("the texts are sealed with %v, want all with the new key", tally.Texts)
	}
	w.must(w.Declare(ctx(), ring(t, 8)))
	if got := w.readTexts(w.sealing(8), invoices, packages); got != plantedTexts {
		t.Errorf("%d of %d texts can be read with the new key, want all", got, plantedTexts)
	}
	for i, inv := range w.read(invoices...) {
		if inv.Rev != before[i].Rev || inv.UpdatedAt != before[i].UpdatedAt || inv.Hash != before[i].Hash ||
			inv.Offline != before[i].Offline {
			t.Errorf("more than the texts has changed: %+v, before %+v", inv, before[i])
		}
	}
	if n, err := w.sealing(8, 7).Reseal(ctx(), 100); n != 0 || err != nil {
		t.Errorf("sealed %d texts again (error %v), want none, because all have the new key", n, err)
	}
	w.audit()
}

// A process without the key of a refusal ends it, so the note has another key than the refusal. One
// round seals both again.
func TestReseal_NoteOfARefusalHasAnotherKey_OneRoundSealsBoth(t *testing.T) {
	w := oneWorld(t)
	r := Refusal{ID: RefusalOfFile("a"), Tenant: "One", File: quoted, Faults: []RefusalFault{{Rule: "r", Value: quoted}}}
	w.must(w.sealing(7).Refuse(ctx(), []Refusal{r}))
	w.must(w.sealing(9).DismissRefusal(ctx(), r.ID, Dismissal{By: "anna", Reason: quoted}))
	if n, err := w.sealing(8, 7, 9).Reseal(ctx(), 100); n != 2 || err != nil {
		t.Errorf("the round sealed %d texts again (error %v), want two", n, err)
	}
	got, err := w.sealing(8).Refusals(ctx(), time.Time{}, RefusalDismissed)
	w.must(err)
	if len(got) != 1 || got[0].File != quoted || !strings.Contains(got[0].Note, quoted) {
		t.Errorf("the new key alone reads %+v, want the file and the note", got)
	}
}

// A text that somebody changes while it is sealed again is not overwritten.
func TestReseal_TextChangesMeanwhile_TheChangeStands(t *testing.T) {
	w := oneWorld(t)
	l := w.sealing(8, 7)
	invoices, _ := w.plantTexts(w.sealing(7))
	key := w.key("inv:", invoices[0])
	was := w.rdb.HGet(ctx(), key, "reason").Val()
	w.rdb.HSet(ctx(), key, "reason", "new")
	if n, err := l.replaceTexts(ctx(), []any{"inv:" + invoices[0], "reason", was, "old"}); n != 0 || err != nil {
		t.Errorf("%d texts were replaced (error %v), want none", n, err)
	}
	if got := w.rdb.HGet(ctx(), key, "reason").Val(); got != "new" {
		t.Errorf("the reason is %q, want new", got)
	}
}

// A reason is sealed for one invoice, so it cannot be written to all invoices of a package.
func TestMovePackage_ReasonForEveryInvoice_IsRefused(t *testing.T) {
	w := oneWorld(t)
	p := w.packed(1)
	w.unchanged(func() {
		if err := w.MovePackage(ctx(), &p, PackageMove{InvoicesFrom: []State{Packed}, InvoicesTo: Parked, To: PackageAbandoned,
			InvoicesEdit: Edit{{"reason", quoted}}}); err == nil || strings.Contains(err.Error(), quoted) {
			t.Errorf("a reason for every invoice gives %v, want a refusal that does not quote it", err)
		}
	})
}

// A reason quotes the invoice. With a key, the reason cannot be read in Redis. A process that has
// the key can read the reason.
func TestReason_WithAKey_IsSealedInRedis(t *testing.T) {
	w := oneWorld(t)
	with := func(keys ...[]byte) *Ledger {
		b, err := NewBodies(keys...)
		w.must(err)
		return New(w.rdb, Options{Prefix: w.prefix, Now: w.now, Texts: b})
	}
	key, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	doc := w.fresh()
	res, err := w.Take(ctx(), []NewInvoice{doc})
	w.must(err)
	const reason = `Fa/P_15: "7654.32" is not an amount`
	w.must(with(key).Move(ctx(), Move{ID: doc.ID, Rev: res[0].Rev, To: Rejected, Edit: Edit{{"code", 450}, {"reason", reason}}}))
	stored := w.rdb.HGet(ctx(), w.key("inv:", doc.ID), "reason").Val()
	if !strings.HasPrefix(stored, sealedText) || strings.Contains(stored, "7654") {
		t.Errorf("Redis has the reason as %q, want it sealed", stored)
	}
	for name, c := range map[string]struct {
		l    *Ledger
		want string
	}{
		"the key": {with(key), reason}, "the key among others": {with(other, key), reason},
		"another key": {with(other), "storage.key_file"}, "no key": {with(), "storage.key_file"},
		"a ledger without Texts": {w.Ledger, "storage.key_file"},
	} {
		inv, err := c.l.Invoice(ctx(), doc.ID)
		if err != nil || !strings.Contains(inv.Reason, c.want) || strings.Contains(inv.Reason, "7654") != (c.want == reason) {
			t.Errorf("with %s the reason is read as %q (error %v), want it in clear only with the key", name, inv.Reason, err)
		}
	}
	// A reason that was written without a key stays readable, whatever its text.
	inv, err := w.Invoice(ctx(), doc.ID)
	w.must(err)
	w.must(w.Move(ctx(), Move{ID: doc.ID, Rev: inv.Rev, From: []State{Rejected}, Edit: Edit{{"reason", "sealed: by anna"}}}))
	if inv, err := with(key).Invoice(ctx(), doc.ID); err != nil || inv.Reason != "sealed: by anna" {
		t.Errorf("the reason in plain text is read as %q (error %v), want it unchanged", inv.Reason, err)
	}
}
