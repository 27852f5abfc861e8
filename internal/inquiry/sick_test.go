package inquiry_test

import (
	"testing"

	"ksefworker/internal/ledger"
)

// sick replaces a key by one of another type.
func (w *world) sick(key string) {
	w.t.Helper()
	w.check(w.rdb.Del(w.t.Context(), "ksef:"+key).Err())
	w.check(w.rdb.Set(w.t.Context(), "ksef:"+key, "x", 0).Err())
}

// names checks that an error names only this key.
func (w *world) names(what string, err error, key string) {
	w.t.Helper()
	unread, other := ledger.Skip(err)
	if other != nil || len(unread) != 1 || unread[0].Key != key {
		w.t.Errorf("%s gives the error %v, want one that names the key %s alone", what, err, key)
	}
}

func TestFind_KeyOfTheSellersIsSick_IsNamedOnce(t *testing.T) {
	w := newWorld(t)
	id := w.take(sellerA, "A 1", "1")
	w.sick("sellers")
	for _, number := range []string{"A 1", "none", "A B C"} {
		_, err := w.reader.Find(t.Context(), number)
		w.names(number, err, "sellers")
	}
	if invs, err := w.reader.Find(t.Context(), id); err != nil || len(invs) != 1 {
		t.Errorf("the id finds %v (error %v), want its invoice", invs, err)
	}
}

func TestRefused_ListOfOneTenantIsSick_TheOthersAreFoundAndItIsNamed(t *testing.T) {
	for _, list := range []string{"refusals:", "refused:"} {
		w := newWorld(t)
		w.refuse(sellerA, "a.xml", "A")
		id := w.refuse(sellerB, "b.xml", "B")
		w.sick(list + sellerA)
		found, err := w.reader.Refused(t.Context(), "B")
		w.names("a number", err, list+sellerA)
		if len(found) != 1 || found[0].ID != id {
			t.Errorf("the number finds %v, want the refusal of the other tenant", found)
		}
		if found, err := w.reader.Refused(t.Context(), "B", sellerB); err != nil || len(found) != 1 {
			t.Errorf("in the list of its own tenant the number finds %v (error %v), want one refusal and no error", found, err)
		}
	}
}
