package sinks

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
)

// Another program wrote one of the keys of a receiver. This receiver is told nothing, and the error
// names the key. The other receiver is told everything. Once a person has deleted the key, the
// receiver is told every result that it has not taken.
func TestRun_AKeyOfOneReceiverIsSick_TheOtherIsToldAndTheKeyIsNamed(t *testing.T) {
	ways := map[string]func(w *world, key string){
		"a text":  func(w *world, key string) { w.must(w.rdb.Set(w.t.Context(), key, "foreign", 0).Err()) },
		"a list":  func(w *world, key string) { w.must(w.rdb.RPush(w.t.Context(), key, "foreign").Err()) },
		"rubbish": func(w *world, key string) { w.must(w.rdb.HSet(w.t.Context(), key, "seen", "foreign").Err()) },
	}
	for _, key := range ledger.SinkKeys("erp") {
		for way, spoil := range ways {
			if way == "rubbish" && !strings.HasPrefix(key, "sink:") {
				continue // in any other key a hash is of the wrong type, or damages one record only
			}
			t.Run(key+" "+way, func(t *testing.T) {
				w, s, well := newWorld(t, 10_000), refuse(errRefused), &stub{}
				r, other := w.runner(s), w.runner(well)
				other.Name = "other"
				old := w.rejected(2)
				w.run(r)
				there, _, err := w.NotTaken(t.Context(), "erp", old)
				w.must(err)
				c := ledger.SinkChange{Hold: map[string][]ledger.Held{old[0]: nil, old[1]: nil}} // both are given up
				c.Fail = append(there[old[0]], there[old[1]]...)
				_, err = w.ChangeSink(t.Context(), "erp", c)
				w.must(err)
				held := w.rejected(2)
				w.run(r)
				if held, failed := w.counts(); held != 2 || failed != 2 {
					t.Fatalf("%d results are held, %d given up, want 2 and 2", held, failed)
				}
				w.must(w.rdb.Del(t.Context(), "ksef:"+key).Err())
				spoil(w, "ksef:"+key)
				later := w.rejected(1)
				s.answer = nil
				span, err := w.Outbox(t.Context())
				w.must(err)
				_, errWork := r.HasWork(t.Context(), span)
				errAdmin := Admin{Ledger: w.Ledger}.Resume(t.Context(), "erp")
				for what, err := range map[string]error{"HasWork": errWork, "Run": r.Run(t.Context(), nil), "Resume": errAdmin} {
					if sick := ledger.SickSink(err); len(sick) != 1 || sick[0].Key != key ||
						!strings.Contains(err.Error(), "the key "+key+" behind redis.prefix") {
						t.Errorf("%s gives the error %v, want one that names the key", what, err)
					}
				}
				if len(s.took) != 0 {
					t.Errorf("the receiver was told %d results while what it takes cannot be recorded, want none", len(s.took))
				}
				if work, err := other.HasWork(t.Context(), span); !work || err != nil {
					t.Errorf("the other receiver has work: %v (error %v), want true", work, err)
				}
				w.run(other)
				w.wantTold(well, slices.Concat(old, held, later))

				w.must(w.rdb.Del(t.Context(), "ksef:"+key).Err()) // as the error says
				if work, err := r.HasWork(t.Context(), span); !work || err != nil {
					t.Errorf("the receiver has work: %v (error %v), want true when the key was deleted", work, err)
				}
				w.minutes(r, 5)
				for _, id := range slices.Concat(held, later) { // if its place was lost, the receiver is told twice
					if got := s.states(id); strings.ReplaceAll(got, "rejected rejected", "rejected") != "rejected" {
						t.Errorf("the receiver was told %q of %s, want rejected, once or twice", got, id)
					}
				}
				failed, err := w.Failed(t.Context(), "erp", 10)
				w.must(err)
				for _, id := range old {
					if strings.HasPrefix(key, "sink:") {
						continue // all is told again
					}
					if !slices.ContainsFunc(failed, func(h ledger.Held) bool { return h.ID == id }) {
						t.Errorf("the results given up are %+v, want the result of %s among them", failed, id)
					}
				}
			})
		}
	}
}

// Another program wrote the lease of a receiver. A lease of a worker always has an end, and this
// one has none.
func TestRun_LeaseWithoutAnEnd_IsNamed(t *testing.T) {
	w := newWorld(t, 10_000)
	w.must(w.rdb.Set(t.Context(), "ksef:sinklease:erp", "foreign", 0).Err())
	if sick := ledger.SickSink(w.runner(&stub{}).Run(t.Context(), nil)); len(sick) != 1 || sick[0].Key != "sinklease:erp" {
		t.Errorf("the sick keys are %+v, want sinklease:erp alone", sick)
	}
	w.must(w.rdb.Set(t.Context(), "ksef:sinklease:erp", "another process", 30*time.Second).Err())
	w.run(w.runner(&stub{}))
}

// Another program wrote a value that has the right form but would stop the receiver for hours or
// for ever: a lease that ends later than any lease of a worker, or a place that the outbox has not
// reached. The key is named, also to a person who resumes the receiver. No result is passed over
// until the key is deleted.
func TestRun_KeyHasTheRightFormAndStopsTheReceiver_IsNamed(t *testing.T) {
	for what, spoil := range map[string]func(w *world) error{
		"sinklease:erp": func(w *world) error {
			return w.rdb.Set(w.t.Context(), "ksef:sinklease:erp", "junk", 80_000*time.Second).Err()
		},
		"sink:erp": func(w *world) error {
			return w.rdb.HSet(w.t.Context(), "ksef:sink:erp", "cursor", "9999999999999-0").Err()
		},
	} {
		t.Run(what, func(t *testing.T) {
			w, s := newWorld(t, 10_000), &stub{}
			r := w.runner(s)
			w.rejected(1)
			w.run(r)
			w.must(spoil(w))
			later := w.rejected(2)
			span, err := w.Outbox(t.Context())
			w.must(err)
			_, errWork := r.HasWork(t.Context(), span)
			errAdmin := Admin{Ledger: w.Ledger, Wait: time.Second}.Resume(t.Context(), "erp")
			for by, err := range map[string]error{"HasWork": errWork, "Run": r.Run(t.Context(), nil), "Resume": errAdmin} {
				if sick := ledger.SickSink(err); len(sick) != 1 || sick[0].Key != what {
					t.Errorf("%s gives the error %v, want one that names the key", by, err)
				}
			}
			w.must(w.rdb.Del(t.Context(), "ksef:"+what).Err()) // as the error says
			w.busy(r)
			w.wantTold(s, later)
		})
	}
}

// Another program wrote a standing with a place that the receiver itself has not reached. All
// outcomes of the tenant that the outbox has are told again, and none is left out: neither one that
// was left behind before, nor one that comes later.
func TestRun_StandingIsAheadOfTheReceiver_NothingOfTheTenantIsMissed(t *testing.T) {
	for _, place := range []string{"9999999999999-0", "an hour ahead"} {
		t.Run(place, func(t *testing.T) {
			w := newWorld(t, 10_000)
			o, r := newOffice(t, w)
			o.sickFor("two")
			ids := w.rejectedOf("two", WebhookBatch+20) // the last are left behind
			w.busy(r)
			if st := w.standings()["two"]; st == nil || st.Left == 0 {
				t.Fatalf("the standing is %+v, want one with outcomes left behind", st)
			}
			o.sickFor()
			if place == "an hour ahead" {
				place = ledger.PlaceOf(w.now().Add(time.Hour))
			}
			w.must(w.rdb.HSet(t.Context(), "ksef:sinkstanding:erp", "two", `{"cursor":"`+place+`"}`).Err())
			w.busy(r)
			ids = append(ids, w.rejectedOf("two", 1)...)
			one := w.rejectedOf("one", 1)
			for range 90 {
				w.pass(time.Minute)
				w.busy(r)
			}
			for _, id := range ids {
				if !slices.Contains(o.told[id], "rejected") {
					t.Errorf("the receiver was told %v of %s, want rejected among them", o.told[id], id)
				}
			}
			o.want(one, "rejected")
			if left := w.standings(); len(left) != 0 {
				t.Errorf("the standings are %+v, want none", left)
			}
		})
	}
}

// A key becomes sick after the receiver has taken a result. Nothing of the round is recorded, so
// nothing is lost.
func TestRun_KeyBecomesSickInTheMiddleOfARound_NothingOfItIsRecorded(t *testing.T) {
	for _, key := range []string{"sinkheld:erp", "sinkfailed:erp", "sinkgaveup:erp", "sinkdue:erp", "sinkstanding:erp"} {
		w := newWorld(t, 10_000)
		ids := w.rejected(2)
		s := refuse(errRefused)
		r := w.runner(s)
		refused := s.answer
		s.answer = func(m *Message) error {
			w.must(w.rdb.Set(t.Context(), "ksef:"+key, "foreign", 0).Err())
			return refused(m)
		}
		if err := r.Run(t.Context(), nil); len(ledger.SickSink(err)) != 1 {
			t.Errorf("%s: Run gives the error %v, want one that names the key", key, err)
		}
		if cursor := w.state().Cursor; cursor != "" {
			t.Errorf("%s: the place of the receiver is %s, want the beginning", key, cursor)
		}
		w.must(w.rdb.Del(t.Context(), "ksef:"+key).Err())
		s.answer = nil
		w.minutes(r, 5)
		w.wantTold(s, ids)
	}
}

// The set of all receivers is sick, and the receiver refuses a result. The result is held, later
// ones of its invoice wait behind it, and all are told in order once the receiver takes them.
func TestRun_SetOfReceiversIsSick_RefusedResultsAreHeldAndToldInOrder(t *testing.T) {
	w := newWorld(t, 10_000)
	w.must(w.rdb.Set(t.Context(), "ksef:sinks", "foreign", 0).Err())
	ids, s := w.rejected(2), refuse(errRefused)
	r := w.runner(s)
	w.run(r)
	if held, _ := w.counts(); held != 2 {
		t.Fatalf("%d results are held, want both", held)
	}
	s.answer = nil
	w.minutes(r, 5)
	w.wantTold(s, ids)
}

// The record of how one tenant stands is damaged. All outcomes of this tenant that the outbox has
// are told again, and those of other tenants are not.
func TestRun_StandingIsDamaged_NothingOfTheTenantIsMissed(t *testing.T) {
	w := newWorld(t, 10_000)
	o, r := newOffice(t, w)
	o.sickFor("one")
	one, two := w.rejectedOf("one", 40), w.rejectedOf("two", 3)
	w.busy(r)
	for field, rubbish := range map[string]string{"one": "{", "nobody": "foreign"} {
		w.must(w.rdb.HSet(t.Context(), "ksef:sinkstanding:erp", field, rubbish).Err())
	}
	o.sickFor()
	for range 90 {
		w.pass(time.Minute)
		w.busy(r)
	}
	for _, id := range one {
		if !slices.Contains(o.told[id], "rejected") {
			t.Errorf("the receiver was told %v of %s, want rejected among them", o.told[id], id)
		}
	}
	o.want(two, "rejected")
	if left := w.standings(); len(left) != 0 {
		t.Errorf("the standings are %v, want none", left)
	}
}

// The records of a tenant's refused documents are sick, and the receiver was out for that tenant.
// The tenant's standing says that its results wait for the key, and not that the receiver is out.
// When the key is well, they are told.
func TestRun_RecordsOfRefusedDocumentsAreSick_TheirTenantWaitsForTheKey(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	for _, tenant := range []string{"gamma", "well"} {
		w.must(w.Refuse(t.Context(), []ledger.Refusal{{ID: ledger.RefusalOfFile(tenant), Tenant: tenant, File: tenant,
			Faults: []ledger.RefusalFault{{Rule: "must be XML"}}}}))
	}
	r := w.runner(s)
	s.answer = func(m *Message) error {
		if m.Tenant == "gamma" {
			return out(0)
		}
		return nil
	}
	w.run(r)
	s.answer = nil
	w.must(w.rdb.Rename(t.Context(), "ksef:refused:gamma", "ksef:backup").Err())
	w.must(w.rdb.Set(t.Context(), "ksef:refused:gamma", "foreign", 0).Err())
	w.minutes(r, 5)
	st := w.standings()["gamma"]
	if st == nil || st.State() != "waits" || st.Out() != 0 || !st.Sick ||
		!strings.Contains(st.Err, "the key refused:gamma behind redis.prefix") ||
		!slices.Contains(ledger.NotTold(w.standings()), "gamma") {
		t.Errorf("the standing is %+v, want one that waits and names the key; nothing is told of the tenants %v, want gamma among them",
			st, ledger.NotTold(w.standings()))
	}
	w.must(w.rdb.Rename(t.Context(), "ksef:backup", "ksef:refused:gamma").Err())
	w.minutes(r, 30)
	for _, tenant := range []string{"gamma", "well"} {
		if got := s.states(ledger.RefusalOfFile(tenant)); got != "refused" {
			t.Errorf("the receiver was told %q of the document of %s, want refused", got, tenant)
		}
	}
	if left := w.standings(); len(left) != 0 {
		t.Errorf("the standings are %+v, want none", left)
	}
}

// One record of a refused document is damaged. The error that is shown for it names the field, and
// the record counts as an entry that cannot be read until it is restored.
func TestRun_RecordOfARefusedDocumentIsDamaged_IsNamedAndCounted(t *testing.T) {
	w, s := newWorld(t, 10_000), &stub{}
	id, key := ledger.RefusalOfFile("x.xml"), "ksef:refused:one"
	w.must(w.Refuse(t.Context(), []ledger.Refusal{{ID: id, Tenant: "one", File: "x.xml",
		Faults: []ledger.RefusalFault{{Rule: "must be XML"}}}}))
	record := w.rdb.HGet(t.Context(), key, id).Val()
	w.must(w.rdb.HSet(t.Context(), key, id, "{").Err())
	r := w.runner(s)
	w.run(r)
	held, _, err := w.NotTaken(t.Context(), "erp", []string{id})
	w.must(err)
	if want := "the field " + id + " of the key refused:one"; len(held[id]) != 1 || !strings.Contains(held[id][0].Err, want) {
		t.Errorf("held is %+v, want one with an error that has %q", held[id], want)
	}
	counted := func() int64 {
		_, err := w.RecheckUnreadable(t.Context(), 10)
		w.must(err)
		n, _, err := w.Unreadables(t.Context(), 10)
		w.must(err)
		return n
	}
	if n := counted(); n != 1 {
		t.Errorf("%d entries count as unreadable, want 1, the damaged record", n)
	}
	w.must(w.rdb.HSet(t.Context(), key, id, record).Err())
	if n := counted(); n != 0 {
		t.Errorf("%d entries count as unreadable once the record is restored, want none", n)
	}
	w.minutes(r, 5)
	if got := s.states(id); got != "refused" {
		t.Errorf("the receiver was told %q, want refused", got)
	}
	w.must(w.rdb.ZAdd(t.Context(), "ksef:unreadable", redis.Z{Member: "refused:one|" + ledger.RefusalOfFile("gone")}).Err())
	if n := counted(); n != 0 {
		t.Errorf("%d entries count as unreadable, want none, because the record is gone", n)
	}
}
