package ledger

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// refusedInvoice is the refusal of an invoice whose identity could be read.
func refusedInvoice(tenant, number string) Refusal {
	r := refusedDoc(tenant, number+".xml")
	r.Kind, r.Number = "VAT", number
	r.ID, r.ByInvoice = RefusalOfInvoice(r.identity()), true
	return r
}

// sicken puts another type in place of a key, and returns a function that restores the key.
func sicken(w *world, key string) (restore func()) {
	w.t.Helper()
	name, aside := w.key(key), w.key("aside:", key)
	w.must(w.rdb.Rename(ctx(), name, aside).Err())
	w.must(w.rdb.Set(ctx(), name, "foreign", 0).Err())
	return func() { w.must(w.rdb.Rename(ctx(), aside, name).Err()) }
}

// takeAs takes in a document of this seller with this number, and returns its id.
func takeAs(w *world, seller, number string) string {
	w.t.Helper()
	return w.take(document(seller, "VAT", number, "corrected"))[0].ID
}

// The set of the tenants with refusals is sick, and the documents of each refusal come again. All
// refusals of the tenant and of no tenant end at once, because the names of these lists are known
// without the set.
func TestEndRefusals_SetOfTenantsIsSick_ThoseOfTheTenantEnd(t *testing.T) {
	w := oneWorld(t)
	w.must(w.Refuse(ctx(), []Refusal{refusedDoc(sellerA, "a.xml"), refusedDoc("", "b.xml"), refusedDoc(sellerB, "c.xml")}))
	restore := sicken(w, keyRefusers)
	var ends []RefusalEnd
	for _, f := range []string{"a.xml", "b.xml", "c.xml"} {
		ends = append(ends, RefusalEnd{ID: RefusalOfFile(f), Tenant: sellerA, Ended: RefusalSuperseded, Note: "inv-x"})
	}
	if n, err := w.EndRefusals(ctx(), ends); n != 2 || err != nil {
		t.Errorf("EndRefusals ended %d refusals (error %v), want 2", n, err)
	}
	end := RefusalEnd{ID: RefusalOfFile("c.xml"), Tenant: sellerA, ByInvoice: true, Ended: RefusalSuperseded}
	n, err := w.EndRefusals(ctx(), []RefusalEnd{end})
	if unread, _ := Skip(err); n != 0 || len(unread) != 1 || unread[0].Key != keyRefusers {
		t.Errorf("EndRefusals ended %d refusals (error %v), want none and the sick set named, because any tenant may have the refusal",
			n, err)
	}
	restore()
	if got := w.refusals(""); !slices.Equal(got, []string{"c.xml"}) {
		t.Errorf("the open refusals are %v, want c.xml", got)
	}
}

// A list was sick while the corrected document was taken in. The refusal ends when the list is
// well. Other refusals stay open: those of documents that were refused after they were taken in,
// and those of documents that were never taken in.
func TestEndTaken_ListWasSickWhenTheDocumentWasTaken_TheRefusalEnds(t *testing.T) {
	for _, key := range []string{keyRefusers, keyRefused + sellerA, keyOpenRefusals + sellerA} {
		t.Run(key, func(t *testing.T) {
			w := oneWorld(t)
			takeAs(w, sellerA, "E/0")
			inList := refusedInvoice(sellerA, "E/2")
			inList.ID, inList.ByInvoice = RefusalIn(sellerA, inList.identity()), false
			w.must(w.Refuse(ctx(), []Refusal{refusedInvoice(sellerA, "E/0"), refusedInvoice(sellerA, "E/1"), inList,
				refusedInvoice(sellerA, "E/3"), refusedDoc(sellerA, "FV/1")}))
			restore := sicken(w, key)
			takeAs(w, sellerA, "FV/1") // the number of the last refusal, which only its file identifies
			takeAs(w, sellerA, "E/1")
			by := takeAs(w, sellerA, "E/2")
			for range 3 {
				if _, err := w.EndTaken(ctx(), 100); err != nil {
					t.Errorf("EndTaken fails: %v", err)
				}
			}
			restore()
			for range 3 { // some at a time
				_, err := w.EndTaken(ctx(), 2)
				w.must(err)
			}
			open := w.refusals("")
			if slices.Sort(open); !slices.Equal(open, []string{"E/0.xml", "E/3.xml", "FV/1"}) {
				t.Errorf("the open refusals are %v, want E/0, E/3 and the file", open)
			}
			r, err := w.FindRefusal(ctx(), inList.ID, sellerA)
			if w.must(err); r == nil || r.Ended != RefusalSuperseded || r.Note != "by "+by {
				t.Errorf("the refusal has ended as %+v, want superseded by %s", r, by)
			}
		})
	}
}

// The refusal in the list of another tenant stays open, because that tenant must not learn which
// invoice has the number. The refusal of a document that a client handed in for no tenant stays
// open, too.
func TestEndTaken_TakenForAnotherTenant_StaysOpen(t *testing.T) {
	w := oneWorld(t)
	of := refusedInvoice(sellerA, "E/1")
	other, client := of, of
	other.Tenant = sellerB
	client.Tenant, client.By, client.ByInvoice = "", "erp", false
	client.ID = RefusalIn("\x00erp", of.identity())
	w.must(w.Refuse(ctx(), []Refusal{other, client}))
	takeAs(w, sellerA, "E/1")
	if n, err := w.EndTaken(ctx(), 100); n != 0 || err != nil {
		t.Errorf("EndTaken ended %d refusals (error %v), want none", n, err)
	}
}

// A tenant is refused its first document while the set of such tenants is sick. It is listed again
// when the set is well.
func TestEndTaken_FirstRefusalWhileTheSetWasSick_IsListedAgain(t *testing.T) {
	w := oneWorld(t)
	w.must(w.Refuse(ctx(), []Refusal{refusedDoc(sellerA, "a.xml")}))
	_, err := w.Bind(ctx(), map[string]string{sellerB: sellerB})
	w.must(err)
	restore := sicken(w, keyRefusers)
	w.must(w.Refuse(ctx(), []Refusal{refusedDoc(sellerB, "b.xml")}))
	restore()
	_, err = w.EndTaken(ctx(), 100)
	w.must(err)
	if got := w.refusals(""); len(got) != 2 {
		t.Errorf("the open refusals are %v, want a.xml and b.xml", got)
	}
}

// Whatever list is sick, the refusals in the others are counted and listed, and the sick one is
// named. A caller that asks about one tenant gets no error about the lists of others.
func TestRefusals_ListIsSick_OthersAreListedAndItIsNamed(t *testing.T) {
	for _, key := range []string{keyRefusers, keyRefused + sellerA, keyOpenRefusals + sellerA} {
		t.Run(key, func(t *testing.T) {
			w := oneWorld(t)
			w.must(w.Refuse(ctx(), []Refusal{refusedDoc(sellerA, "a.xml"), refusedDoc(sellerB, "b.xml"), refusedDoc("", "c.xml")}))
			_, err := w.Bind(ctx(), map[string]string{sellerA: sellerA, sellerB: sellerB})
			w.must(err)
			defer sicken(w, key)()
			all, err := w.Refusals(ctx(), time.Time{}, "")
			want := 2
			if key == keyRefusers {
				want = 3
			}
			if unread, _ := Skip(err); len(all) != want || len(unread) != 1 || unread[0].Key != key {
				t.Errorf("%d refusals are listed (error %v), want %d and the sick key named", len(all), err, want)
			}
			of, err := w.Refusals(ctx(), time.Time{}, "", sellerB)
			if err != nil || len(of) != 1 || of[0].File != "b.xml" {
				t.Errorf("the refusals of the other tenant are %+v (error %v), want b.xml", of, err)
			}
			n, err := w.OpenRefusals(ctx())
			counted := int64(3)
			if key == keyOpenRefusals+sellerA {
				counted = 2
			}
			if unread, _ := Skip(err); n != counted || (len(unread) == 1) != (key != keyRefused+sellerA) {
				t.Errorf("%d refusals are counted (error %v), want %d", n, err, counted)
			}
			open, err := w.OpenItems(ctx())
			if _, other := Skip(err); other != nil || fmt.Sprint(open) != fmt.Sprintf("map[parked:0 refused:%d rejected:0]", counted) {
				t.Errorf("the open items are %v (error %v), want %d refused", open, err, counted)
			}
		})
	}
}
