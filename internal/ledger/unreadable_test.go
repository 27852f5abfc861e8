package ledger

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// spoils are the ways in which an invoice's entry can become unreadable. "opaque" leaves nothing of
// the entry.
var spoils = map[string]func(w *world, key string){
	"newer":                       func(w *world, key string) { w.rdb.HSet(ctx(), key, "facts", `{"v":3}`) },
	"newer, with a number as nip": func(w *world, key string) { w.rdb.HSet(ctx(), key, "facts", `{"v":2,"nip":1}`) },
	"no JSON":                     func(w *world, key string) { w.rdb.HSet(ctx(), key, "facts", `{"v":1,"id":"x`) },
	"null":                        func(w *world, key string) { w.rdb.HSet(ctx(), key, "facts", `null`) },
	"text for numbers":            func(w *world, key string) { w.rdb.HSet(ctx(), key, "size", "x", "deadline", "y", "attempts", "z") },
	"fields missing":              func(w *world, key string) { w.rdb.HDel(ctx(), key, "facts", "size", "deadline", "number") },
	"opaque":                      func(w *world, key string) { w.rdb.Del(ctx(), key); w.rdb.SAdd(ctx(), key, "x") },
}

// eachSpoil runs a test for each of spoils, in a world of its own. The world has no audit, because
// the entry and the indexes disagree.
func eachSpoil(t *testing.T, do func(t *testing.T, w *world, spoil func(Invoice), what string)) {
	next := worlds(t)
	for what, spoil := range spoils {
		t.Run(what, func(t *testing.T) {
			w := next(quiet{t})
			do(t, w, func(inv Invoice) { spoil(w, w.key("inv:", inv.ID)) }, what)
		})
	}
}

// quiet is a test without an audit at its end.
type quiet struct{ testing.TB }

func TestInvoices_OneCannotBeRead_TheOthersAreReturnedAndItIsNamed(t *testing.T) {
	eachSpoil(t, func(t *testing.T, w *world, spoil func(Invoice), what string) {
		p := w.packed(3)
		held, err := w.Held(ctx(), p.ID)
		w.must(err)
		spoil(held[1])
		ids := []string{held[0].ID, "inv-unknown", held[1].ID, held[2].ID}
		for name, read := range map[string]func() ([]Invoice, error){
			"Invoices": func() ([]Invoice, error) { return w.Invoices(ctx(), ids) },
			"Held":     func() ([]Invoice, error) { return w.Held(ctx(), p.ID) },
		} {
			invs, err := read()
			unread, other := Skip(err)
			if other != nil || len(unread) != 1 || unread[0].ID != held[1].ID ||
				unread[0].Key != "inv:"+held[1].ID || !unread[0].Undecided() {
				t.Fatalf("%s: unread are %+v (error %v), want the one entry", name, unread, other)
			}
			if len(invs) != 2 || invs[0].ID != held[0].ID || invs[1].ID != held[2].ID {
				t.Errorf("%s: %d entries are read, want the other two", name, len(invs))
			}
			if u := unread[0]; u.Opaque != (what == "opaque") || !u.Opaque && (u.State != string(Packed) || u.Package != p.ID) {
				t.Errorf("%s: the entry is reported as %+v, want its state and package unless it is opaque", name, u)
			}
			if newer := errors.Is(err, ErrNewer); newer != (what == "newer" || what == "newer, with a number as nip") {
				t.Errorf("%s: the error is %v, want ErrNewer only for a newer entry", name, err)
			}
		}
		if _, err := w.Invoice(ctx(), held[1].ID); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("reading the entry alone gives %v, want an error other than ErrNotFound", err)
		}
	})
}

// A script cannot undo its writes, so an error at one entry would leave the work on the others half
// done.
func TestScripts_OneEntryCannotBeRead_TheOthersMove(t *testing.T) {
	eachSpoil(t, func(t *testing.T, w *world, spoil func(Invoice), what string) {
		p := w.packed(3)
		held, err := w.Held(ctx(), p.ID)
		w.must(err)
		spoil(held[1])
		state := func(i int) State {
			inv, err := w.Invoice(ctx(), held[i].ID)
			w.must(err)
			return inv.State
		}
		for _, next := range packagePath[1:4] {
			w.step(&p, next)
		}
		if state(0) != Sending || state(2) != Sending {
			t.Fatalf("the other two invoices are %s and %s, want sending", state(0), state(2))
		}
		// Every invoice of the package that has a state is now sending, even if this build cannot
		// read the rest of its entry.
		if got := w.rdb.HGet(ctx(), w.key("inv:", held[1].ID), "state").Val(); what != "opaque" && got != string(Sending) {
			t.Errorf("the unreadable invoice is %s, want sending", got)
		}
		errs, err := w.Apply(ctx(), []Move{{ID: held[0].ID, To: Sent}, {ID: held[1].ID, To: Sent}, {ID: held[2].ID, To: Sent}})
		w.must(err)
		if errs[0] != nil || errs[2] != nil || (errs[1] != nil) != (what == "opaque") {
			t.Errorf("the moves give %v, want no error for the other two", errs)
		}
		w.must(w.Repack(ctx(), &p, "", "r", []Part{{ID: "pkg-new", IDs: []string{held[0].ID, held[1].ID, held[2].ID}}}))
		if got := w.readPackage("pkg-new"); state(0) != Packed || state(2) != Packed || p.State != PackageClosing || got.Count < 2 {
			t.Errorf("repacked, the other two are %s and %s in a package of %d, and the old package is %s: want both packed, and the old package closing",
				state(0), state(2), got.Count, p.State)
		}
	})
}

func TestCut_OneCannotBeRead_TheOthersAreCutAndItIsFoundWhenItCanBeRead(t *testing.T) {
	eachSpoil(t, func(t *testing.T, w *world, spoil func(Invoice), what string) {
		waiting := w.waiting(3)
		key := w.key("inv:", waiting[1].ID)
		whole, err := w.rdb.Dump(ctx(), key).Result()
		w.must(err)
		spoil(waiting[1])
		taken, err := w.Cut(ctx(), "pkg-1", groupA, CutLimits{Invoices: 10, Bytes: 1 << 40})
		w.must(err)
		if !slices.Contains(taken, waiting[0].ID) || !slices.Contains(taken, waiting[2].ID) {
			t.Fatalf("Cut took %v, want the two that can be read", taken)
		}
		if waits, err := w.Waits(ctx()); err != nil || len(waits) != 0 {
			t.Errorf("%+v still wait (error %v), want nothing", waits, err)
		}
		if slices.Contains(taken, waiting[1].ID) {
			t.Fatal("the unreadable invoice was cut, too")
		}
		w.must(w.rdb.RestoreReplace(ctx(), key, 0, whole).Err())
		var found []string
		for pass := false; !pass; {
			ids, done, err := w.WithoutTask(ctx(), w.now().Add(time.Hour), 100)
			w.must(err)
			found, pass = append(found, ids...), done
		}
		if !slices.Equal(found, []string{waiting[1].ID}) {
			t.Fatalf("the sweep finds %v, want the invoice that was unreadable", found)
		}
		inv := w.again(waiting[1])
		w.must(w.Wait(ctx(), &inv))
		if waits, err := w.Waits(ctx()); err != nil || len(waits) != 1 || waits[0].Count != 1 || waits[0].Bytes != inv.Size {
			t.Errorf("%+v wait (error %v), want the invoice that can be read again", waits, err)
		}
	})
}

func TestTake_PresentEntryCannotBeRead_NothingIsWrittenForItAndTheOthersAreTaken(t *testing.T) {
	eachSpoil(t, func(t *testing.T, w *world, spoil func(Invoice), what string) {
		inv := w.take(w.fresh())[0]
		spoil(inv)
		before := snapshotOf(t, w.rdb, w.key("inv:", inv.ID))
		other, same := document(inv.NIP, inv.Kind, inv.Number, "second"), document(inv.NIP, inv.Kind, inv.Number, "first")
		fresh := w.fresh()
		got, err := w.Take(ctx(), []NewInvoice{other, fresh, same})
		w.must(err)
		for i, want := range []Taken{Unread, Created, Unread} {
			if got[i].Taken != want {
				t.Errorf("document %d: %s, want %s", i, got[i].Taken, want)
			}
		}
		if n := w.rdb.Exists(ctx(), w.key("inv:", other.ID)).Val(); n != 0 {
			t.Error("another document of the number was taken in")
		}
		if after := snapshotOf(t, w.rdb, w.key("inv:", inv.ID)); len(after.Hashes) != len(before.Hashes) {
			t.Error("the unreadable entry was written")
		}
	})
}

func TestPrune_OneCannotBeRead_ItStaysAndHidesNothing(t *testing.T) {
	eachSpoil(t, func(t *testing.T, w *world, spoil func(Invoice), what string) {
		old := w.invoiceIn(Rejected)
		spoil(old)
		var others []Invoice
		for range 3 {
			others = append(others, w.invoiceIn(Rejected))
		}
		for range 8 { // each call prunes one entry, and the unreadable entry comes first
			_, err := w.pruneBefore(w.now().Add(time.Hour), 1)
			w.must(err)
		}
		for _, inv := range others {
			if _, err := w.Invoice(ctx(), inv.ID); !errors.Is(err, ErrNotFound) {
				t.Errorf("reading another old entry gives %v, want ErrNotFound", err)
			}
		}
		if n := w.rdb.Exists(ctx(), w.key("inv:", old.ID)).Val(); (n == 1) != (what != "text for numbers") {
			t.Errorf("the unreadable entry is still there: %v, want true unless only its numbers are texts", n == 1)
		}
	})
}

func TestLists_OnePackageCannotBeRead_TheOthersAreListed(t *testing.T) {
	next := worlds(t)
	for what, spoil := range map[string]func(w *world, key string){
		"newer":  func(w *world, key string) { w.rdb.HSet(ctx(), key, "v", 2) },
		"text":   func(w *world, key string) { w.rdb.HSet(ctx(), key, "closing_at", "noon", "opened_at", "noon") },
		"opaque": func(w *world, key string) { w.rdb.Del(ctx(), key); w.rdb.SAdd(ctx(), key, "x") },
	} {
		t.Run(what, func(t *testing.T) {
			w := next(quiet{t})
			bad, good := w.online(), w.online()
			badCut, cut := w.packed(1), w.packed(1)
			spoil(w, w.key("pkg:", bad.ID))
			spoil(w, w.key("pkg:", badCut.ID))
			pkgs, err := w.Packages(ctx(), []string{bad.ID, good.ID, cut.ID})
			if unread, other := Skip(err); other != nil || len(unread) != 1 || unread[0].Key != "pkg:"+bad.ID || len(pkgs) != 2 {
				t.Errorf("read %d packages (error %v), want two, and the bad one named", len(pkgs), err)
			}
			under, more, err := w.Underways(ctx(), 0, 100)
			if err != nil || more || len(under) == 0 {
				t.Errorf("the sessions are %+v, more %v (error %v), want those that can be read and more false", under, more, err)
			}
			tenants, err := w.FreshlyCut(ctx())
			if err != nil || !tenants[sellerA] {
				t.Errorf("the tenants with fresh packages are %v (error %v), want the seller", tenants, err)
			}
			// A session whose count is damaged takes no invoice, and the invoice stays as it is.
			inv := w.take(w.fresh())[0]
			w.rdb.HSet(ctx(), w.key("pkg:", good.ID), "count", "x")
			_, _, err = w.BeginSend(ctx(), good.ID, "me", &inv)
			if w.conflict(err); w.again(inv).Rev != inv.Rev {
				t.Error("the move that was refused has changed the invoice")
			}
		})
	}
}

func TestUnderways_MoreThanTheLimit_AreSeenInTurn(t *testing.T) {
	w := oneWorld(t)
	const n, limit = 25, 10
	for range n {
		w.online()
	}
	seen := 0
	for offset, more := 0, true; more; offset += limit {
		var under []Underway
		var err error
		under, more, err = w.Underways(ctx(), offset, limit)
		w.must(err)
		if seen += len(under); len(under) > limit {
			t.Fatalf("one call returned %d sessions, want at most the limit", len(under))
		}
	}
	if seen != n {
		t.Errorf("%d of %d sessions were seen, want all", seen, n)
	}
}

func TestUnreadables_AreRecordedOnceAndForgottenWhenTheyCanBeRead(t *testing.T) {
	eachSpoil(t, func(t *testing.T, w *world, spoil func(Invoice), _ string) {
		inv := w.take(w.fresh())[0]
		key := w.key("inv:", inv.ID)
		whole, err := w.rdb.Dump(ctx(), key).Result()
		w.must(err)
		spoil(inv)
		_, err = w.Invoice(ctx(), inv.ID)
		unread, _ := Skip(err)
		for i := range 3 {
			fresh, err := w.NoteUnreadable(ctx(), unread)
			if err != nil || len(fresh) != max(0, 1-i) {
				t.Errorf("call %d: %d entries are new (error %v), want one in the first call only", i, len(fresh), err)
			}
			if n, err := w.RecheckUnreadable(ctx(), 10); n != 0 || err != nil {
				t.Errorf("while the entry cannot be read, %d were forgotten (error %v), want none", n, err)
			}
		}
		w.must(w.rdb.RestoreReplace(ctx(), key, 0, whole).Err())
		if n, err := w.RecheckUnreadable(ctx(), 10); n != 1 || err != nil {
			t.Errorf("after the entry was repaired, %d were forgotten (error %v), want 1", n, err)
		}
		if n, keys, err := w.Unreadables(ctx(), 10); n != 0 || err != nil {
			t.Errorf("%v are still recorded as unreadable (error %v), want none", keys, err)
		}
	})
}
