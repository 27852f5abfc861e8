package ledger

import (
	"math"
	"testing"
)

// spoil has the ways in which another program might overwrite a count.
var spoil = map[string]func(w *world, key string){
	"a list": func(w *world, key string) { w.must(w.rdb.RPush(ctx(), key, "foreign").Err()) },
	"a text": func(w *world, key string) { w.must(w.rdb.Set(ctx(), key, "foreign", 0).Err()) },
	"the largest number": func(w *world, key string) {
		w.must(w.rdb.Set(ctx(), key, int64(math.MaxInt64), 0).Err())
	},
}

// A spoiled count must not stop invoices.
func TestInflow_CountOfOneTenantIsSpoilt_ItBeginsAgain(t *testing.T) {
	for what, spoil := range spoil {
		t.Run(what, func(t *testing.T) {
			w := oneWorld(t)
			spoil(w, w.key(keyInflow, "sick"))
			for range 2 {
				sums, err := w.Inflow(ctx(), map[string]int64{"sick": 3, "well": 2})
				if err != nil || sums["sick"] != 3 || sums["well"] < 2 {
					t.Errorf("the sums are %v (error %v), want 3 for the overwritten count, and at least 2 for the other", sums, err)
				}
				w.must(w.rdb.Del(ctx(), w.key(keyInflow, "sick"), w.key(keyInflow, "well")).Err())
			}
		})
	}
}

func TestRefuse_CountOfOneTenantIsSpoilt_AllAreRecordedAndTold(t *testing.T) {
	for what, spoil := range spoil {
		t.Run(what, func(t *testing.T) {
			w := oneWorld(t).telling(1000)
			spoil(w, w.key(keyRefusalsTold, "sick"))
			var all []Refusal
			for _, tenant := range []string{"sick", "well"} {
				all = append(all, Refusal{ID: "ref-" + tenant, Tenant: tenant, File: tenant, Faults: []RefusalFault{{Rule: "must be XML"}}})
			}
			w.must(w.Refuse(ctx(), all))
			if told := w.outcomes(); len(told) != 2 || !all[0].Recorded || !all[1].Recorded {
				t.Errorf("told are %+v, recorded %v and %v; want both told and recorded", told, all[0].Recorded, all[1].Recorded)
			}
		})
	}
}

// While an index cannot be read, it may list an entry that is gone.
func TestNamed_IndexIsSick_AbsenceIsNotClaimed(t *testing.T) {
	w := oneWorld(quiet{t})
	inv := w.invoiceIn(Queued)
	w.must(w.rdb.Del(ctx(), w.key(keyInvoice, inv.ID)).Err())
	w.must(w.rdb.Set(ctx(), w.key(keyState, string(Queued)), "foreign", 0).Err())
	_, err := w.Named(ctx(), inv.ID)
	if unread, rest := Skip(err); rest != nil || len(unread) != 1 || !Damaged(err) {
		t.Errorf("the entry is answered with %v, want that it is damaged", err)
	}
}

// Another program wrote the key of a ref. The ref does not count as free, and no other invoice is
// said to have the ref or the number.
func TestRef_KeyIsSick_NothingIsTakenAndNothingIsClaimed(t *testing.T) {
	w := oneWorld(quiet{t})
	doc := document("1111111111", "VAT", "F/1", "one")
	doc.Tenant, doc.Ref = "A", "order 1"
	key := keyRef + refDigests(w.Ledger.OutboxStore.store, "A", "order 1")[0]
	w.must(w.rdb.RPush(ctx(), w.key(key), "foreign").Err())
	taken, err := w.Take(ctx(), []NewInvoice{doc})
	if err != nil || taken[0].Taken != Unread || taken[0].SickKey != key {
		t.Errorf("the document is answered with %+v (error %v), want unread and the key %s named", taken, err, key)
	}
	_, err = w.ByRef(ctx(), "order 1", "A")
	if unread, other := Skip(err); other != nil || len(unread) != 1 || unread[0].Key != key {
		t.Errorf("ByRef gives %v, want an error that names the key %s", err, key)
	}
	sick, err := w.SickKeys(ctx())
	if w.must(err); len(sick) != 1 || sick[0].Key != key {
		t.Errorf("the sick keys are %+v, want %s", sick, key)
	}
}
