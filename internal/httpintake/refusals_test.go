package httpintake

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// faultyOf returns an invoice whose identity can be read and whose date is at fault.
func faultyOf(tenant int, number string) []byte {
	return regexp.MustCompile(`<P_1>[^<]*`).ReplaceAll(xmlOf(tenant, number), []byte("<P_1>2036-11-23"))
}

// refusedOf returns the state and the tenant of each document that a client finds by a query.
func (b *bench) refusedOf(key, query string) (tenants []string) {
	b.t.Helper()
	a := b.call("GET", "/v1/invoices?"+query, nil, "Authorization", "Bearer "+key)
	b.want(a, http.StatusOK, "")
	for _, it := range a.body.Items {
		tenants = append(tenants, it.State+" "+it.Tenant)
	}
	return tenants
}

// toldOf returns the events of a client, each as number, state and tenant.
func (b *bench) toldOf(key string) (events []string) {
	b.t.Helper()
	a := b.call("GET", "/v1/events", nil, "Authorization", "Bearer "+key)
	b.want(a, http.StatusOK, "")
	for _, it := range a.body.Items {
		events = append(events, it.Number+" "+it.State+" "+it.Tenant)
	}
	return events
}

func (b *bench) equal(what string, got []string, want ...string) {
	b.t.Helper()
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		b.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// A client hands in a document with the seller and number of another client's refused document, by
// mistake or not. The other client still finds its refusal and is told of it.
func TestRefusals_OfTwoClientsForOneInvoice_EachHasItsOwn(t *testing.T) {
	b := newBench(t, nil)
	two := []string{"Authorization", "Bearer " + keyTwo}
	b.want(b.post(faultyOf(0, "FV/1"), "?ref=A"), http.StatusUnprocessableEntity, "refused")
	b.want(b.post(faultyOf(0, "FV/1"), "?ref=B", two...), http.StatusUnprocessableEntity, "refused")
	b.equal("the first client, by number", b.refusedOf(keyOne, "number=FV/1"), "refused one")
	b.equal("the first client, by ref", b.refusedOf(keyOne, "ref=A"), "refused one")
	b.equal("the second client, by ref", b.refusedOf(keyTwo, "ref=B"), "refused two")
	b.equal("the second client, by the ref of the first", b.refusedOf(keyTwo, "ref=A"))
	b.equal("what the first client is told", b.toldOf(keyOne), "FV/1 refused one")
	b.equal("what the second client is told", b.toldOf(keyTwo), "FV/1 refused two")

	b.take(0, "FV/1", "")
	open, err := b.o.Ledger.Refusals(t.Context(), time.Time{}, "")
	b.must(err)
	if len(open) != 1 || open[0].Tenant != "two" {
		t.Errorf("after the first client's invoice was taken, want only the refusal of tenant two open: %+v", open)
	}
}

// The NIP of the seller is wrong, so the document is for no tenant of the client. The client finds
// the refusal all the same.
func TestRefusals_SellerIsNoTenantOfTheClient_TheClientFindsIt(t *testing.T) {
	for what, seller := range map[string]int{"another client's tenant": 1, "nobody's": 7} {
		b := newBench(t, nil)
		b.want(b.post(xmlOf(seller, "FV/1"), "?ref=A"), http.StatusUnprocessableEntity, "refused")
		b.equal(what+" by ref", b.refusedOf(keyOne, "ref=A"), "refused one")
		b.equal(what+" by number", b.refusedOf(keyOne, "number=FV/1"), "refused one")
		b.equal(what+", events", b.toldOf(keyOne), "FV/1 refused one")
		b.equal(what+", the other client by ref", b.refusedOf(keyTwo, "ref=A"))
		b.equal(what+", the other client by number", b.refusedOf(keyTwo, "number=FV/1"))
		b.equal(what+", events of the other client", b.toldOf(keyTwo))
	}
}

// Two clients have both tenants, and each client hands in a document that is for neither tenant.
// Each finds only the refusal of its own document.
func TestRefusals_OfNoTenant_EachClientFindsItsOwn(t *testing.T) {
	b := newBench(t, func(o *Options) {
		for i := range o.Clients {
			o.Clients[i].Tenants = []string{"one", "two"}
		}
	})
	two := []string{"Authorization", "Bearer " + keyTwo}
	b.want(b.post(xmlOf(7, "FV/1"), "?ref=A"), http.StatusUnprocessableEntity, "refused")
	b.want(b.post(xmlOf(7, "FV/1"), "?ref=B", two...), http.StatusUnprocessableEntity, "refused")
	b.equal("the first client, by ref", b.refusedOf(keyOne, "ref=A"), "refused ")
	b.equal("the first client, by number", b.refusedOf(keyOne, "number=FV/1"), "refused ")
	b.equal("the first client, by number and tenant", b.refusedOf(keyOne, "number=FV/1&tenant=one"))
	b.equal("the second client, by ref", b.refusedOf(keyTwo, "ref=B"), "refused ")
	b.equal("the second client, by the ref of the first", b.refusedOf(keyTwo, "ref=A"))
	b.equal("what the first client is told", b.toldOf(keyOne), "FV/1 refused ")
	b.equal("what the second client is told", b.toldOf(keyTwo), "FV/1 refused ")
}

// The number belongs to an invoice of a tenant that is not the client's. The client learns that its
// document was refused, and learns nothing about the other invoice.
func TestRefusals_NumberIsTakenForAnotherTenant_TheClientFindsItsRefusal(t *testing.T) {
	b := newBench(t, nil)
	a := b.post(selfBilled(xmlOf(0, "FV/1")), "?lane=bulk", "Authorization", "Bearer "+keyTwo)
	b.want(a, http.StatusAccepted, "")
	b.want(b.post(xmlOf(0, "FV/1"), "?ref=A"), http.StatusUnprocessableEntity, "refused")
	b.equal("by ref", b.refusedOf(keyOne, "ref=A"), "refused one")
	b.equal("events", b.toldOf(keyOne), "FV/1 refused one")
	for _, path := range []string{"/v1/invoices?ref=A", "/v1/events"} {
		if found := b.call("GET", path, nil); bytes.Contains(found.raw, []byte(a.body.Items[0].ID)) {
			t.Errorf("%s names the other invoice: %s", path, found.raw)
		}
	}
}

// A look-up reads only the lists of the client's own tenants, because the lists of others may be
// long, or damaged.
func TestRefusals_ListOfAnotherTenantIsSick_TheLookUpDoesNotReadIt(t *testing.T) {
	b := newBench(t, nil)
	b.want(b.post(faultyOf(0, "FV/1"), "?ref=A"), http.StatusUnprocessableEntity, "refused")
	b.must(b.rdb.Set(t.Context(), "ksef:refusals:two", "x", 0).Err())
	b.must(b.rdb.SAdd(t.Context(), "ksef:refusers", "two").Err())
	b.equal("by ref", b.refusedOf(keyOne, "ref=A"), "refused one")
	b.equal("by a ref that nothing has", b.refusedOf(keyOne, "ref=Z"))
}

// The set of the tenants with refused documents is sick while the corrected document comes. The
// refusal ends all the same, and the log does not say that a refusal is not on record.
func TestRefusals_SetOfTenantsIsSick_TheCorrectedDocumentEndsItsRefusal(t *testing.T) {
	b := newBench(t, nil)
	b.take(0, "FV/0", "") // the first document of a ledger needs every key
	b.want(b.post(faultyOf(0, "FV/1"), "?ref=A"), http.StatusUnprocessableEntity, "refused")
	b.must(b.rdb.Rename(t.Context(), "ksef:refusers", "aside").Err())
	b.must(b.rdb.Set(t.Context(), "ksef:refusers", "x", 0).Err())
	b.take(0, "FV/1", "")
	b.must(b.rdb.Rename(t.Context(), "aside", "ksef:refusers").Err())
	if n, err := b.o.Ledger.OpenRefusals(t.Context()); n != 0 || err != nil {
		t.Errorf("%d refusals are open, %v; want none", n, err)
	}
	if strings.Contains(b.log.String(), `"level":"warn"`) {
		t.Errorf("the log has a warning, and there is nothing to warn of: %s", b.log)
	}
}
