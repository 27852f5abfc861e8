package ledger

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each invoice of a tenant is counted once, whether it is in a waiting set, in a package or in
// neither. Invoices that have ended are not counted.
func TestUnserved_InvoicesWaitInDifferentPlaces_EachIsCountedOnce(t *testing.T) {
	w := oneWorld(t)
	served := func(tenants ...string) func(string) bool {
		return func(nip string) bool {
			for _, s := range tenants {
				if s == nip {
					return true
				}
			}
			return false
		}
	}
	ask := func(limit int, tenants ...string) (map[string]int64, bool) {
		counts, more, err := w.Unserved(ctx(), served(tenants...), limit)
		w.must(err)
		return counts, more
	}
	w.waiting(5)
	w.cut(groupA, CutLimits{Invoices: 3, Bytes: 1 << 40}) // of the five
	w.take(w.fresh(), w.fresh())                          // in no waiting set
	w.move(w.take(w.fresh())[0], Parked)
	w.take(document(sellerB, "VAT", "B/1", "first"))
	if counts, more := ask(1000); more || !cmp.Equal(counts, map[string]int64{sellerA: 7, sellerB: 1}) {
		t.Errorf("the counts are %v, more %v: want 7 of the first tenant, 1 of the second, and more false", counts, more)
	}
	if counts, more := ask(1000, sellerA); more || !cmp.Equal(counts, map[string]int64{sellerB: 1}) {
		t.Errorf("the counts are %v, more %v: want only the count of the tenant that is not served", counts, more)
	}
	if counts, more := ask(1000, sellerA, sellerB); more || len(counts) > 0 {
		t.Errorf("the counts are %v, more %v: want none, because both tenants are served", counts, more)
	}
	// Only two of the queued invoices are read, so Unserved says that there may be more.
	if counts, more := ask(2); !more || counts[sellerA] < 5 {
		t.Errorf("the counts are %v, more %v: want true, and at least the invoices of the waiting set and the package", counts, more)
	}
}
