package ledger

import (
	"strings"
	"testing"
)

// While storage keys are rotated, another program overwrites a key that has sealed texts, or lists
// what has them. Nobody can say whether the old key is still needed. So neither the sweep nor the
// count of texts is well, both name the sick key, and the old storage key is not retired. The sweep
// seals the texts under the other keys again.
func TestReseal_AKeyWithTextsIsSick_IsNamedAndTheOldKeyIsNotRetired(t *testing.T) {
	next := worlds(t)
	for _, key := range []string{
		keySinks, keySink + "erp", keySinkHeld + "erp", keySinkFailed + "erp",
		keyRefusers, keyRefused + "One", keyTenants, keyTenant + "One", keyHolds, keyOutbox, keyAside,
		keyState + string(Rejected), keyState + string(Receipted), keyPackageState + string(PackageAbandoned), keyFinal,
	} {
		t.Run(key, func(t *testing.T) {
			w := next(nil)
			w.t = t
			w.must(w.Declare(ctx(), ring(t, 7)))
			old := w.sealing(7)
			w.plantTexts(old)
			held := Held{Outcome: Outcome{ID: "inv-a", Rev: 7, At: "1-0"}, Err: quoted}
			ok, err := old.ChangeSink(ctx(), "erp", SinkChange{State: &SinkState{Cursor: "1-0", Err: quoted},
				Hold: map[string][]Held{"inv-a": {held}}, Fail: []Held{held}})
			if w.must(err); !ok {
				t.Fatal("the change of the sink was not recorded")
			}
			w.Ledger = old
			bucket, _ := w.bucketOf(w.receipt(w.accepted("1", "order 1", "a.xml")).ID)
			if key == keyFinal {
				key = strings.TrimPrefix(bucket, w.prefix)
			}
			w.must(w.Declare(ctx(), ring(t, 8, 7)))
			overwrite(w, key)

			names := func(err error) bool {
				return err != nil && strings.Contains(err.Error(), "the key "+key+" behind redis.prefix")
			}
			n, err := w.sealing(8, 7).Reseal(ctx(), 100)
			if unsealed := key == keyOutbox || key == keyAside; n < 10 || !unsealed && !names(err) || unsealed && err != nil {
				t.Errorf("the sweep sealed %d texts again (error %v), want those under the other keys and the key named", n, err)
			}
			if _, err := w.SealTally(ctx()); !names(err) {
				t.Errorf("SealTally gives the error %v, want one that names the key", err)
			}
			if err := w.Declare(ctx(), ring(t, 8)); !names(err) {
				t.Errorf("declaring the new key alone gives the error %v, want one that names the key", err)
			}
		})
	}
}
