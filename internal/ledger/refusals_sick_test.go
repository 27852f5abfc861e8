package ledger

import (
	"testing"
	"time"
)

// Another program wrote one of the keys that hold the refusals of a tenant. The refusals of the
// other tenants are recorded, read, ended and pruned as before, and the key is named.
func TestRefusals_KeysOfOneTenantAreSick_ThoseOfOthersGoOn(t *testing.T) {
	for _, key := range []string{keyRefused, keyRefusals, keyOpenRefusals} {
		t.Run(key, func(t *testing.T) {
			w := oneWorld(quiet{t}).telling(1000)
			of := func(tenant, id string) Refusal {
				return Refusal{ID: "ref-" + id, Tenant: tenant, File: id, ByInvoice: true, Faults: []RefusalFault{{Rule: "must be XML"}}}
			}
			w.must(w.Refuse(ctx(), []Refusal{of("sick", "a"), of("well", "b")}))
			before := w.rdb.XLen(ctx(), w.key(keyOutbox)).Val()
			w.must(w.rdb.Rename(ctx(), w.key(key, "sick"), w.key("aside")).Err())
			w.must(w.rdb.Set(ctx(), w.key(key, "sick"), "foreign", 0).Err())

			unread, err := Skip(w.Refuse(ctx(), []Refusal{of("well", "c"), of("sick", "d")}))
			if err != nil || len(unread) != 1 || unread[0].Key != key+"sick" {
				t.Errorf("Refuse reports %+v as unreadable (error %v), want the sick key", unread, err)
			}
			if told := w.rdb.XLen(ctx(), w.key(keyOutbox)).Val() - before; told != 1 {
				t.Errorf("%d outcomes were written, want only the one of the well tenant", told)
			}
			if c, err := w.FindRefusal(ctx(), "ref-c", "sick", "well"); err != nil || c == nil {
				t.Errorf("the refusal of the well tenant is found as %+v (error %v), want it found", c, err)
			}
			if n, err := w.EndRefusals(ctx(), []RefusalEnd{{ID: "ref-b", Ended: RefusalDismissed, ByInvoice: true}}); err != nil || n != 1 {
				t.Errorf("%d refusals have ended (error %v), want one", n, err)
			}
			w.must(w.DismissRefusal(ctx(), "ref-c", Dismissal{By: "jan", Reason: "x"}))
			if _, err := w.PruneRefusals(ctx(), -time.Hour, 100); err != nil {
				t.Errorf("PruneRefusals: %v", err)
			}
			if left := w.rdb.HLen(ctx(), w.key(keyRefused, "well")).Val(); left != 0 {
				t.Errorf("%d refusals of the well tenant are left, want none after PruneRefusals", left)
			}
			sick, err := w.SickKeys(ctx())
			if w.must(err); len(sick) != 1 || sick[0].Key != key+"sick" {
				t.Errorf("the sick keys are %+v, want %s", sick, key+"sick")
			}
		})
	}
}

// Keys that all tenants share are sick. Everything is recorded, and told later.
func TestRefuse_SharedKeyIsSick_AllAreRecordedAndToldLater(t *testing.T) {
	for _, key := range []string{keyRefusers, keyOutbox} {
		t.Run(key, func(t *testing.T) {
			w := oneWorld(quiet{t}).telling(1000)
			all := make([]Refusal, 3)
			for i, tenant := range []string{"one", "two", "three"} {
				all[i] = Refusal{ID: "ref-" + tenant, Tenant: tenant, File: tenant, ByInvoice: true,
					Faults: []RefusalFault{{Rule: "must be XML"}}}
			}
			w.must(w.Refuse(ctx(), all))
			w.must(w.rdb.Rename(ctx(), w.key(key), w.key("saved")).Err())
			w.must(w.rdb.Set(ctx(), w.key(key), "foreign", 0).Err())
			if _, err := Skip(w.Refuse(ctx(), all)); err != nil {
				t.Errorf("Refuse: %v", err)
			}
			for i := range all {
				if !all[i].Recorded {
					t.Errorf("the refusal of tenant %s is not on record", all[i].Tenant)
				}
			}
			w.must(w.rdb.Rename(ctx(), w.key("saved"), w.key(key)).Err())
			_, err := w.Rejoin(ctx())
			w.must(err)
			end := RefusalEnd{ID: "ref-two", Ended: RefusalDismissed, ByInvoice: true}
			if n, err := w.EndRefusals(ctx(), []RefusalEnd{end}); n != 1 || err != nil {
				t.Errorf("%d refusals have ended (error %v), want one", n, err)
			}
			if told := w.outcomes(); len(told) != 7 {
				t.Errorf("%d outcomes are told, want 7: %+v", len(told), told)
			}
		})
	}
}

// A record that its own list lacks may be in the list of another tenant. While that list cannot be
// read, nobody is told that the record is gone.
func TestTold_ListOfAnotherTenantIsSick_RecordDoesNotCountAsMissing(t *testing.T) {
	for _, sick := range []bool{false, true} {
		w := oneWorld(t).telling(1000)
		of := func(tenant, id string) Refusal {
			return Refusal{ID: "ref-" + id, Tenant: tenant, File: id, ByInvoice: true, Faults: []RefusalFault{{Rule: "must be XML"}}}
		}
		w.must(w.Refuse(ctx(), []Refusal{of("first", "a")}))
		w.must(w.Refuse(ctx(), []Refusal{of("second", "b")}))
		w.must(w.rdb.HDel(ctx(), w.key(keyRefused, "first"), "ref-a").Err())
		if sick {
			w.must(w.rdb.Set(ctx(), w.key(keyRefusals, "second"), "foreign", 0).Err())
		}
		told, err := w.Told(ctx(), w.outcomes())
		if w.must(err); len(told) != 2 || told[0].ID != "ref-a" || told[0].Missing == sick || told[0].Unread != sick {
			t.Errorf("list sick %v: the outcomes are told as %+v, want two, ref-a with Missing %v and Unread %v", sick, told, !sick, sick)
		}
	}
}
