package sinks

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
)

// damage overwrites the record of an invoice's held outcomes with text that no build writes, and
// makes this record due before all others.
func (w *world) damage(id string) {
	w.t.Helper()
	w.must(w.rdb.HSet(w.t.Context(), "ksef:sinkheld:erp", id, "{").Err())
	w.must(w.rdb.ZAdd(w.t.Context(), "ksef:sinkdue:erp", redis.Z{Score: 1, Member: id}).Err())
}

// A held outcome that cannot be read does not delay other outcomes, even while the receiver is out
// and gets one result at a time as a probe. In place of the unreadable outcome, the receiver is
// told the present state of the invoice.
func TestRun_HeldResultCannotBeRead_ItsPresentStateIsToldAndItIsOnRecord(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(errRefused)
	ids := w.rejected(70)
	r := w.runner(s)
	w.run(r)
	if held, _ := w.counts(); held != 70 {
		t.Fatalf("%d results are held, want 70", held)
	}
	for _, id := range ids[:66] { // more than one round takes
		w.damage(id)
	}
	w.must(w.rdb.HSet(t.Context(), "ksef:sink:erp", "outage", w.now().UnixMilli()).Err())
	s.answer = nil
	w.minutes(r, 10)
	w.wantTold(s, ids)
	failed, err := w.Failed(t.Context(), "erp", 100)
	w.must(err)
	w.rejected(1) // the next run counts again how many results of each tenant are held
	w.minutes(r, 1)
	if held, _ := w.counts(); held != 0 || len(failed) != 66 || failed[0].Err != damaged || w.state().Outage != 0 ||
		len(w.standings()) != 0 {
		t.Errorf("%d results are held, %d given up; the state is %+v, the standings %v; want 66 given up as damaged and nothing to tell",
			held, len(failed), w.state(), w.standings())
	}
	n, err := Admin{Ledger: w.Ledger}.Resend(t.Context(), "erp", ids[0])
	if w.must(err); n != 1 {
		t.Errorf("%d outcomes are sent again, want 1", n)
	}
	w.minutes(r, 1)
	if got := s.states(ids[0]); got != "rejected rejected" {
		t.Errorf("after Resend the receiver was told %q, want rejected twice in all", got)
	}
}

// Another program wrote a record that has the form of held outcomes, but the ledger writes no such
// record under this name. The receiver is told the present state of the invoice once, the record
// counts as given up, and the rounds end.
func TestRun_HeldResultIsOfAnotherName_IsDamagedAndTheRoundsEnd(t *testing.T) {
	for what, record := range map[string]string{
		"nothing":              `[{}]`,
		"nothing, twice":       `[{},{}]`,
		"no outcome":           `[null]`,
		"empty":                `[]`,
		"of another invoice":   `[{"id":"OTHER","rev":1,"state":"rejected"}]`,
		"of another one later": `[{"id":"OWN","rev":1,"state":"rejected"},{"id":"OTHER","rev":1,"state":"rejected"}]`,
		"no revision":          `[{"id":"OWN","state":"rejected"}]`,
		"revision below 0":     `[{"id":"OWN","rev":-1}]`,
		"not a final state":    `[{"id":"OWN","rev":1,"state":"queued"}]`,
		"not a state":          `[{"id":"OWN","rev":1,"state":"foreign"}]`,
		"of a refusal":         `[{"id":"OWN","rev":1,"state":"refused"}]`,
		"not a place":          `[{"id":"OWN","rev":1,"state":"rejected","at":"foreign"}]`,
	} {
		t.Run(what, func(t *testing.T) {
			w, s := newWorld(t, 10_000), &stub{}
			r := w.runner(s)
			ids := w.rejected(2)
			w.move(ids[1], ledger.Queued, ledger.Packed, ledger.Sending, ledger.Sent, ledger.Accepted)
			w.run(r)
			s.took = nil
			record := strings.NewReplacer("OWN", ids[0], "OTHER", ids[1]).Replace(record)
			w.must(w.rdb.HSet(t.Context(), "ksef:sinkheld:erp", ids[0], record).Err())
			begun := time.Now()
			w.run(r)
			if took := time.Since(begun); took >= stretch {
				t.Fatalf("the rounds went on for %v, want an end at once", took)
			}
			w.minutes(r, 5)
			w.wantTold(s, ids[:1])
			if got := s.states(ids[1]); got != "" {
				t.Errorf("the receiver was told %q of the other invoice, want nothing", got)
			}
			failed, err := w.Failed(t.Context(), "erp", 10)
			w.must(err)
			if held, _ := w.counts(); held != 0 || len(failed) != 1 || failed[0].ID != ids[0] || failed[0].Err != damaged {
				t.Errorf("%d results are held, and given up are %+v, want none and the damaged one", held, failed)
			}
		})
	}
}

// The list of due results has names under which nothing is held, with scores of every kind. Each
// name is given up once, and the rounds end.
func TestRun_ListOfWhatIsDueHasRubbish_TheRoundsEnd(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	r := w.runner(s)
	for name, score := range map[string]float64{
		"": 0, "foreign": math.Inf(-1), ledger.RefusalOfFile("x"): math.Inf(1), "a|b:c": -5, "\x00": 1e300,
	} {
		w.must(w.rdb.ZAdd(t.Context(), "ksef:sinkdue:erp", redis.Z{Score: score, Member: name}).Err())
	}
	begun := time.Now()
	w.run(r)
	if took := time.Since(begun); took >= stretch {
		t.Fatalf("the rounds went on for %v, want an end at once", took)
	}
	if held, failed := w.counts(); held != 0 || failed != 5 || len(s.took) != 0 {
		t.Errorf("%d results are held, %d given up, %d told, want none, 5 and none", held, failed, len(s.took))
	}
}

// The record of a result that was given up is of another invoice. A person who sends the result
// again sends the present state of the invoice that the list names, and the result is not listed
// any more.
func TestResend_RecordIsOfAnotherInvoice_ThePresentStateOfTheListedOneIsTold(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	r := w.runner(s)
	ids := w.rejected(2)
	w.run(r)
	s.took = nil
	name := ids[0] + ":" + strconv.FormatInt(w.revision(ids[0]), 10)
	w.must(w.rdb.HSet(t.Context(), "ksef:sinkfailed:erp", name, `[{"id":"`+ids[1]+`","rev":1,"state":"rejected"}]`).Err())
	w.must(w.rdb.ZAdd(t.Context(), "ksef:sinkgaveup:erp", redis.Z{Score: float64(w.now().UnixMilli()), Member: name}).Err())
	n, err := Admin{Ledger: w.Ledger}.Resend(t.Context(), "erp")
	if w.must(err); n != 1 {
		t.Errorf("%d outcomes are sent again, want 1", n)
	}
	w.minutes(r, 2)
	w.wantTold(s, ids[:1])
	if held, failed := w.counts(); held != 0 || failed != 0 || s.states(ids[1]) != "" {
		t.Errorf("%d results are held, %d given up, and the other invoice was told as %q; want none, none and nothing",
			held, failed, s.states(ids[1]))
	}
}

// A later outcome does not overwrite a held outcome that cannot be read. The later outcome is told
// only after the held outcome is on record as given up.
func TestRun_LaterOutcomeBehindADamagedOne_IsToldOnceItIsOnRecord(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(errRefused)
	r := w.runner(s)
	ids := w.rejected(3)
	w.run(r)
	later := float64(w.now().Add(time.Hour).UnixMilli())
	for _, id := range ids {
		w.damage(id)
		w.must(w.rdb.ZAdd(t.Context(), "ksef:sinkdue:erp", redis.Z{Score: later, Member: id}).Err()) // not due
	}
	w.move(ids[0], ledger.Queued, ledger.Parked)
	w.move(ids[1], ledger.Queued, ledger.Parked, ledger.Dismissed)
	w.move(ids[2], ledger.Queued) // a queued invoice has no outcome
	w.run(r)
	failed, err := w.Failed(t.Context(), "erp", 10)
	w.must(err)
	if len(failed) != 2 || failed[0].Rev != 0 {
		t.Errorf("the outcomes given up are %+v, want those of the two invoices that have an outcome", failed)
	}
	s.answer = nil
	w.minutes(r, 10)
	w.must(w.rdb.ZAdd(t.Context(), "ksef:sinkdue:erp", redis.Z{Score: 1, Member: ids[2]}).Err())
	w.minutes(r, 1)
	if got := s.states(ids[2]); got != "" {
		t.Errorf("a queued invoice was told as %q, want nothing told", got)
	}
	w.move(ids[2], ledger.Parked)
	w.minutes(r, 1)
	for i, want := range []string{"parked", "parked dismissed", "parked"} {
		if got := s.states(ids[i]); got != want {
			t.Errorf("the receiver was told %q, want %q", got, want)
		}
	}
	if held, failed := w.counts(); held != 0 || failed != 3 {
		t.Errorf("%d results are held, %d given up, want none and 3", held, failed)
	}
}

// A worker that lacks the key of a reason cannot read the reason. The worker tells the receiver
// neither a placeholder in its place, nor a later outcome of that invoice. Both outcomes wait for a
// worker that has the key.
func TestRun_ReasonIsSealedWithAKeyThatIsNotHere_WaitsForAWorkerThatHasIt(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	with := func(keys ...byte) *Runner {
		var all [][]byte
		for _, k := range keys {
			all = append(all, bytes.Repeat([]byte{k}, 32))
		}
		b, err := ledger.NewBodies(all...)
		w.must(err)
		w.Ledger = ledger.New(w.rdb, ledger.Options{Prefix: "ksef:", Outbox: 10_000, Now: w.now, Texts: b})
		return w.runner(s)
	}
	old := with(7)
	ids := w.rejected(2)
	w.move(ids[0], ledger.Queued, ledger.Parked)
	refusal := ledger.Refusal{ID: ledger.RefusalOfFile("x.xml"), Tenant: "one", File: "x.xml",
		Faults: []ledger.RefusalFault{{Rule: "must be XML"}}}
	w.must(w.Refuse(t.Context(), []ledger.Refusal{refusal}))
	w.minutes(with(8), 5)
	if len(s.took) != 0 || w.state().Outage != 0 {
		t.Fatalf("the receiver was told %+v, and its state is %+v, want nothing told and no outage", s.took[0].Result, w.state())
	}
	w.pass(time.Hour)
	w.run(old)
	w.run(old)
	if got := s.states(ids[0]); got != "rejected parked" || s.states(ids[1]) != "rejected" {
		t.Errorf("the receiver was told %q of the first invoice, want rejected and parked, and %q of the second, want rejected",
			got, s.states(ids[1]))
	}
	if got := s.states(refusal.ID); got != "refused" {
		t.Errorf("the receiver was told %q about the refused document, want refused", got)
	}
	for _, m := range s.took {
		if !strings.HasPrefix(m.Reason, "because of ") && m.Reason != "must be XML" {
			t.Errorf("the receiver was told the reason %q, want the one that was sealed", m.Reason)
		}
	}
	w.move(ids[1], ledger.Queued, ledger.Parked)
	for range 6 { // nobody has the key any more, so the outcome is given up
		w.run(with(8))
		w.pass(25 * time.Hour)
	}
	if held, failed := w.counts(); held != 0 || failed != 1 {
		t.Errorf("%d results are held, %d given up, want none and 1", held, failed)
	}
}

// An entry cannot be read, but its outcome names the tenant. So the outcome is not held for a
// receiver of another tenant. For a receiver of all tenants it is held, and only this tenant has an
// outcome held.
func TestRun_EntryCannotBeRead_IsHeldForItsOwnTenantAlone(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	id := w.rejected(1)[0]
	other := w.rejectedOf("two", 1)
	key := "ksef:inv:" + id
	facts := w.rdb.HGet(t.Context(), key, "facts").Val()
	w.must(w.rdb.HSet(t.Context(), key, "facts", "{").Err())
	two := w.runner(s)
	two.Wants.Tenants = []string{"two"}
	w.minutes(two, 3)
	if held, _ := w.counts(); held != 0 {
		t.Errorf("%d outcomes are held for a receiver of another tenant, want none", held)
	}
	w.wantTold(s, other)
	all := w.runner(s)
	all.Name = "all"
	w.run(all)
	standings, err := w.Standings(t.Context(), "all")
	w.must(err)
	if len(standings) != 1 || standings["one"] == nil || standings["one"].Held != 1 {
		t.Errorf("the standings are %v, want one, of tenant one with one outcome held", standings)
	}
	w.must(w.rdb.HSet(t.Context(), key, "facts", facts).Err())
	w.minutes(all, 10)
	if got := s.states(id); got != "rejected" {
		t.Errorf("once the entry can be read, the receiver was told %q, want rejected", got)
	}
}
