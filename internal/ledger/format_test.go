package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ksefworker/internal/redisd/redistest"
)

// homeBefore is a home as it was written by builds that know the first format alone.
const homeBefore = `{"v":1,"environment":"test","address":"https://ksefapi.pl/api-test"}`

// before gives the world the home of an earlier build, and clears the gate, so that the home is
// read again.
func before(w *world) {
	w.t.Helper()
	w.must(w.rdb.Set(ctx(), w.key(keyHome), homeBefore, 0).Err())
	*w.gate = formatGate{}
}

// oldBeat writes the heartbeat of a worker of an earlier build.
func oldBeat(w *world, name string) {
	w.t.Helper()
	w.must(w.rdb.Set(ctx(), w.key(keyWorker, name), "1764200000000", time.Hour).Err())
}

func (w *world) advance(after time.Duration) FormatStatus {
	w.t.Helper()
	s, err := w.Advance(ctx(), after)
	w.must(err)
	return s
}

func (w *world) later(d time.Duration) { w.millis.Add(d.Milliseconds()) }

func TestHome_Step_IsMadeWhenEverybodyHasReadTheFormatForLongEnough(t *testing.T) {
	const after, now = time.Hour, Millis(100_000_000)
	long := now - Millis(after.Milliseconds())
	barred := func(since Millis) Home { return Home{V: 2, Writes: 1, Next: 2, Since: since} }
	purged := Home{V: 1, Next: 2, Since: long, Purging: true}
	for name, c := range map[string]struct {
		is, want Home
		reads    int
	}{
		"an earlier build is alive":                      {Home{V: 1}, Home{V: 1}, 1},
		"the last earlier build has ended":               {Home{V: 1}, Home{V: 1, Next: 2, Since: now}, 2},
		"an earlier build comes back":                    {Home{V: 1, Next: 2, Since: now - 1}, Home{V: 1}, 1},
		"a build comes that reads format 2 at most":      {Home{V: 1, Next: 3, Since: now - 1}, Home{V: 1, Next: 2, Since: now}, 2},
		"all read format 2, but not long enough":         {Home{V: 1, Next: 2, Since: long + 1}, Home{V: 1, Next: 2, Since: long + 1}, 2},
		"all read format 2 for long enough":              {Home{V: 1, Next: 2, Since: long}, Home{V: 2, Writes: 1, Next: 2, Since: now}, 2},
		"earlier builds are barred, but not long enough": {barred(long + 1), barred(long + 1), 2},
		"earlier builds are barred, and one is alive":    {barred(long), barred(long), 1},
		"earlier builds are barred for long enough":      {barred(long), Home{V: 2, Writes: 2}, 2},
		"all read format 3 for long enough": {Home{V: 2, Writes: 2, Next: 3, Since: long},
			Home{V: 3, Writes: 2, Next: 3, Since: now}, 3},
		"the clock went back":        {Home{V: 1, Next: 2, Since: now + 1}, Home{V: 1, Next: 2, Since: now + 1}, 2},
		"the ledger is being purged": {purged, purged, 2},
	} {
		if d := cmp.Diff(c.want, c.is.step(c.reads, now, after)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestAdvance_AnEarlierBuildIsAlive_NothingIsPackedUntilItHasEnded(t *testing.T) {
	w := oneWorld(t)
	before(w)
	oldBeat(w, "old")
	w.must(w.Beat(ctx(), "new", time.Hour))
	inv := w.receipt(w.accepted("1", "order 7", "a.xml"))
	unpacked := func(when string) {
		t.Helper()
		n, err := w.Compact(ctx(), 100)
		if n != 0 || err != nil || w.isPacked(inv.ID) || w.EverybodyReads(ctx(), FormatBuckets) {
			t.Fatalf("%s: packed %d entries (error %v), the gate is open: %v; want no entry packed, and the gate closed",
				when, n, err, w.EverybodyReads(ctx(), FormatBuckets))
		}
		res, err := w.Take(ctx(), []NewInvoice{document(sellerA, "VAT", "1", "x"), document(sellerA, "VAT", "1", "y")})
		if err != nil || res[0].Taken != Present || res[1].Taken != Refused {
			t.Fatalf("%s: handed in again: %+v (error %v), want present, and another document refused", when, res, err)
		}
	}
	for range 2 {
		if s := w.advance(time.Hour); len(s.Behind) != 1 || s.Behind[0] != "old" || s.Format != 1 || s.Changed {
			t.Fatalf("while a worker of an older build is alive, Advance gives %+v, want no step, and the worker named", s)
		}
		unpacked("while the older build is alive")
		w.later(3 * time.Hour)
	}
	w.must(w.Leave(ctx(), "old"))
	if s := w.advance(time.Hour); s.Format != 1 || s.Next != Format || len(s.Behind) != 0 {
		t.Fatalf("when the older build has just ended, Advance gives %+v, want the next format chosen", s)
	}
	unpacked("when the older build has just ended")
	w.later(time.Hour)
	if s := w.advance(time.Hour); s.Format != Format || s.Writes != 1 {
		t.Fatalf("an hour later Advance gives %+v, want the older builds barred, and nothing written in the new format yet", s)
	}
	unpacked("when older builds are barred")
	w.later(time.Hour)
	if s := w.advance(time.Hour); s.Format != Format || s.Writes != Format || !s.Changed {
		t.Fatalf("two hours later Advance gives %+v, want the newest format written", s)
	}
	if n, err := w.Compact(ctx(), 100); n != 1 || err != nil || !w.isPacked(inv.ID) {
		t.Errorf("packed %d entries (error %v), the invoice is packed: %v; want 1 and true", n, err, w.isPacked(inv.ID))
	}
	if d := cmp.Diff(inv, w.again(inv)); d != "" {
		t.Error(d)
	}
	if s := w.advance(time.Hour); s.Changed || s.Writes != Format {
		t.Errorf("after the last step Advance gives %+v, want no further step", s)
	}
}

// A worker of an earlier build comes back before the hour is over, as in a roll-back. The hour
// begins again when that worker has ended.
func TestAdvance_AnEarlierBuildComesBack_TheTimeBeginsAgain(t *testing.T) {
	w := oneWorld(t)
	before(w)
	w.advance(time.Hour)
	w.later(50 * time.Minute)
	oldBeat(w, "old")
	w.later(50 * time.Minute)
	if s := w.advance(time.Hour); s.Format != 1 || s.Next != 0 || len(s.Behind) != 1 {
		t.Errorf("when an older build is back, Advance gives %+v, want no next format, and one process behind", s)
	}
	w.must(w.Leave(ctx(), "old"))
	w.advance(time.Hour)
	w.later(50 * time.Minute)
	if s := w.advance(time.Hour); s.Format != 1 || s.Next != Format {
		t.Errorf("when the older build has ended again, Advance gives %+v, want the next format chosen", s)
	}
	if raw := w.rdb.Get(ctx(), w.key(keyHome)).Val(); !strings.Contains(raw, `"v":1,`) {
		t.Errorf("an older build reads the home %s, want format 1", raw)
	}
}

// The gate is closed, so no entry may be put into a bucket. The texts of an entry that is in a
// bucket are still sealed again, in the bucket. A packed entry with a key of its own stays as it
// is, because sealing it again would put it into a bucket.
func TestAdvance_TheGateIsClosed_WhatIsInBucketsIsStillWrittenThere(t *testing.T) {
	w := oneWorld(t)
	first := w.Ledger
	w.Ledger = w.sealing(1)
	inv := w.receipt(w.accepted("1", "order 7", "Kowalski.xml"))
	thawed := w.receipt(w.accepted("2", "order 8", "Nowak.xml"))
	if n, err := w.thaw(ctx(), []string{thawed.ID}); n != 1 || err != nil {
		t.Fatal("want one entry to leave its bucket; thaw returned", n, err)
	}
	before(w)
	rotated := w.sealing(2, 1)
	if n, err := rotated.Reseal(ctx(), 100); n != 1 || err != nil || !w.isPacked(inv.ID) || w.isPacked(thawed.ID) {
		t.Errorf("sealed %d entries again (error %v), in a bucket: the first %v, the second %v; want 1, true and false",
			n, err, w.isPacked(inv.ID), w.isPacked(thawed.ID))
	}
	w.Ledger = first
}

// A process believes that it may pack entries, but the home does not allow that. The script reads
// the home itself, and refuses.
func TestCompact_TheProcessWronglyBelievesThatItMay_TheScriptRefuses(t *testing.T) {
	w := oneWorld(t)
	inv := w.accepted("1", "", "a.xml")
	for name, home := range map[string]string{"of an earlier build": homeBefore, "gone": "", "damaged": "{", "a number": "7",
		"being purged": `{"v":2,"writes":2,"purging":true}`} {
		w.must(w.rdb.Set(ctx(), w.key(keyHome), home, 0).Err())
		if home == "" {
			w.must(w.rdb.Del(ctx(), w.key(keyHome)).Err())
		}
		w.gate.note(Home{Writes: FormatBuckets})
		w.must(w.Move(ctx(), Move{ID: inv.ID, From: []State{Accepted, Receipted}, To: Receipted, dropBody: true}))
		if n, err := w.compact(ctx(), []string{inv.ID}, nil); n != 0 || err != nil || w.isPacked(inv.ID) {
			t.Errorf("home %s: packed %d entries (error %v), want none", name, n, err)
		}
		*w.gate = formatGate{}
		if home != homeBefore && w.EverybodyReads(ctx(), FormatBuckets) {
			t.Errorf("home %s: the gate is open, want it closed", name)
		}
	}
	w.must(w.rdb.Del(ctx(), w.key(keyHome)).Err())
}

func TestFormat_OfANewerBuild_EveryVerbThatTakesInOrSendsRefusesInClearWords(t *testing.T) {
	w := oneWorld(t)
	session, queued := w.online(), w.take(w.fresh())[0]
	newer := fmt.Sprintf(`{"v":%d,"environment":["test"],"address":7}`, Format+1)
	w.must(w.rdb.Set(ctx(), w.key(keyHome), newer, 0).Err())
	for name, do := range map[string]func() error{
		"Claim":     func() error { return w.Claim(ctx(), testHome) },
		"CheckHome": func() error { return w.CheckHome(ctx(), testHome) },
		"Take":      func() error { _, err := w.Take(ctx(), []NewInvoice{w.fresh()}); return err },
		"BeginSend": func() error { _, _, err := w.BeginSend(ctx(), session.ID, session.Owner, &queued); return err },
		"Advance":   func() error { _, err := w.Advance(ctx(), 0); return err },
	} {
		w.unchanged(func() {
			err := do()
			refused, ok := errors.AsType[*FormatError](err)
			if !ok || refused.Format != Format+1 || !errors.Is(err, ErrNewer) {
				t.Errorf("%s gives the error %v, want a FormatError that is ErrNewer", name, err)
				return
			}
			for _, want := range []string{w.prefix, fmt.Sprintf("format %d", Format+1), fmt.Sprintf("up to %d", Format),
				"update this program"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %q does not say %q", name, err, want)
				}
			}
		})
	}
	if w.EverybodyReads(ctx(), FormatBuckets) {
		t.Error("the gate is open, want it closed")
	}
}

// The home of the ledger changes while a batch is taken in, before the batch is written.
func TestTake_TheLedgerGetsANewerFormatMeanwhile_NothingIsTakenIn(t *testing.T) {
	w := oneWorld(t)
	doc := w.fresh()
	w.rdb.AddHook(&beforePiece{script: finalsScript, n: 1, act: func() error {
		return w.rdb.Set(ctx(), w.key(keyHome), `{"v":99}`, 0).Err()
	}})
	w.must(w.LoadScripts(ctx()))
	if _, ok := errors.AsType[*FormatError](func() error { _, err := w.Take(ctx(), []NewInvoice{doc}); return err }()); !ok {
		t.Error("the document was not refused")
	}
	if known, err := w.Known(ctx(), []string{doc.ID}); err != nil || known[0] {
		t.Errorf("the refused document is known: %v (error %v), want false", known, err)
	}
}

func TestTake_TheLedgerBelongsElsewhereNow_NothingIsTakenIn(t *testing.T) {
	w := oneWorld(t)
	live := New(w.rdb, Options{Prefix: w.prefix})
	w.must(w.rdb.Del(ctx(), w.key(keyHome)).Err())
	w.must(live.Claim(ctx(), liveHome))
	doc := w.fresh()
	_, err := w.Take(ctx(), []NewInvoice{doc})
	if refused, ok := errors.AsType[*HomeError](err); !ok || refused.Home.Environment != "production" {
		t.Errorf("handing in gives the error %v, want a HomeError that names production", err)
	}
}

func TestClaim_NoHome_OnlyAnEmptyLedgerIsWrittenInTheNewestFormatAtOnce(t *testing.T) {
	rdb, _ := redistest.New(t)
	empty := New(rdb, Options{Prefix: "a:"})
	if err := empty.Claim(t.Context(), testHome); err != nil || !empty.EverybodyReads(t.Context(), Format) {
		t.Errorf("claiming an empty ledger gives the error %v, the newest format is open: %v; want no error and true",
			err, empty.EverybodyReads(t.Context(), Format))
	}
	used := New(rdb, Options{Prefix: "b:"})
	if _, err := used.Take(t.Context(), []NewInvoice{document(sellerA, "VAT", "1", "x")}); err != nil {
		t.Fatal(err)
	}
	if err := used.Claim(t.Context(), testHome); err != nil || used.EverybodyReads(t.Context(), FormatBuckets) {
		t.Errorf("claiming a ledger with an invoice gives the error %v, the gate is open: %v; want no error and false",
			err, used.EverybodyReads(t.Context(), FormatBuckets))
	}
	if h, err := used.Home(t.Context()); err != nil || h.V != Format || h.writes() != FormatKeys || h.Since == 0 {
		t.Errorf("the home of this ledger is %+v (error %v), want format %d, written as format %d, with a time",
			h, err, Format, FormatKeys)
	}
	if s, err := used.Advance(t.Context(), 0); err != nil || s.Writes != Format {
		t.Errorf("the next step gives %+v (error %v), want the newest format written", s, err)
	}
}

// A build of the first format compares the number v in the home with the format that it knows,
// which is 1.
func TestFormat_TheHomeThatIsWritten_IsRefusedByEarlierBuilds(t *testing.T) {
	w := oneWorld(t)
	before(w)
	for range 3 {
		w.advance(0)
	}
	var h struct {
		V int `json:"v"`
	}
	raw := w.rdb.Get(ctx(), w.key(keyHome)).Val()
	if err := json.Unmarshal([]byte(raw), &h); err != nil || h.V <= 1 {
		t.Errorf("the home that is written is %s (error %v), want a number that older builds refuse", raw, err)
	}
}

// Every lookup finds a receipted invoice, whichever form its entry has.
func TestForms_OfAReceiptedEntry_AreFoundEveryWay(t *testing.T) {
	next := worlds(t)
	for _, form := range []string{"not packed", "packed in a key of its own", "in a bucket"} {
		t.Run(form, func(t *testing.T) {
			w := next(t)
			if form == "not packed" {
				before(w)
			}
			first := w.move(w.take(document(sellerA, "VAT", "1", "y"))[0], Rejected)
			inv := w.receipt(w.accepted("1", "order 7", "a.xml"))
			first = w.again(first)
			if form == "packed in a key of its own" {
				if n, err := w.thaw(ctx(), []string{inv.ID}); n != 1 || err != nil {
					t.Fatal("want one entry to leave its bucket; thaw returned", n, err)
				}
			}
			if w.isPacked(inv.ID) != (form == "in a bucket") {
				t.Fatal("the entry does not have the form that the test needs")
			}
			other := document(sellerA, "VAT", "2", "z")
			other.Ref = "order 7"
			res, err := w.Take(ctx(), []NewInvoice{document(sellerA, "VAT", "1", "x"), document(sellerA, "VAT", "1", "z"), other})
			if err != nil || res[0].Taken != Present || res[0].State != Receipted || res[1].Taken != Refused || res[1].ID != inv.ID ||
				res[2].Taken != RefUsed {
				t.Errorf("handed in: %+v (error %v), want present, then refused, then the ref used", res, err)
			}
			if may, err := w.MayRetry(ctx(), &first); may || err != nil {
				t.Errorf("the earlier document of the number may be retried: %v (error %v), want false", may, err)
			}
			w.conflict(w.Retry(ctx(), &first))
			newest, err := w.NewestOf(ctx(), []Invoice{first})
			w.must(err)
			byNumber, err := w.ByNumber(ctx(), "1")
			w.must(err)
			byRef, err := w.ByRef(ctx(), "order 7", sellerA)
			w.must(err)
			known, err := w.Known(ctx(), []string{inv.ID})
			w.must(err)
			listed, err := w.InState(ctx(), Receipted, time.Time{}, time.Time{}, 0)
			w.must(err)
			if newest[first.ID].ID != inv.ID || len(byNumber) != 2 || len(byRef) != 1 || byRef[0] != inv.ID || !known[0] ||
				len(listed) != 1 || listed[0] != inv.ID {
				t.Errorf("newest %v, by number %v, by ref %v, known %v, listed %v: want that each has the invoice",
					newest, byNumber, byRef, known, listed)
			}
			if got := w.again(inv); got.State != Receipted || got.Number != "1" || got.KsefNumber != inv.KsefNumber {
				t.Errorf("the entry is read as %+v, want it receipted, with both numbers", got)
			}
			p := w.readPackage(inv.Package)
			w.step(&p, PackageSettled)
			w.step(&p, PackageReceipted)
			if n, err := w.pruneBefore(inv.UpdatedAt.Time().Add(time.Second), 10); n < 2 || err != nil {
				t.Errorf("pruned %d entries (error %v), want the invoice and its package", n, err)
			}
		})
	}
}
