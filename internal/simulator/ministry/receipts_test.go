package ministry

import (
	"encoding/xml"
	"net/http"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/simulator/fa/fatest"
)

// upo is what the tests read of a UPO.
type upo struct {
	Session  string `xml:"NumerReferencyjnySesji"`
	Invoices []struct {
		KsefNumber string `xml:"NumerKSeFDokumentu"`
		Hash       string `xml:"SkrotDokumentu"`
	} `xml:"Dokument"`
}

func (r *rig) upo(a answer) upo {
	r.t.Helper()
	r.ok(a, http.StatusOK, nil)
	if a.header.Get(hashHeader) != base64Of(hashOf(a.body)) {
		r.t.Errorf("the header %s is %q, want the hash of the receipt", hashHeader, a.header.Get(hashHeader))
	}
	var u upo
	if err := xml.Unmarshal(a.body, &u); err != nil {
		r.t.Fatal(err)
	}
	return u
}

func TestReceipts_ByEveryWay_AreTheSameAndHaveTheirHash(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	session, s := r.openOnline()
	first := r.send(session, s, fatest.Invoice(nipA, "FV/1", today))
	r.send(session, s, fatest.Invoice(nipA, "FV/2", today))
	r.send(session, s, "<Faktura/>")
	if a := r.get("/sessions/" + session + "/upo/" + strings.Replace(session, "-SO-", "-EU-", 1)); a.code() != 21178 {
		t.Errorf("a request for the receipt before the close got HTTP %d %s, want code 21178", a.status, a.body)
	}
	// The receipt of one invoice is there at once.
	early := r.upo(r.get("/sessions/" + session + "/invoices/" + first + "/upo"))
	r.ok(r.post("/sessions/online/"+session+"/close", nil), http.StatusNoContent, nil)
	state := r.await(session)
	page := state.UPO.Pages[0]
	whole := r.upo(r.get("/sessions/" + session + "/upo/" + page.Reference))
	if len(whole.Invoices) != 2 || whole.Session != session || len(early.Invoices) != 1 || early.Invoices[0] != whole.Invoices[0] {
		t.Errorf("the receipts of the session and of the invoice are %+v and %+v, want the same line for the invoice", whole, early)
	}
	open := r.with("")
	if byAddress := open.upo(open.do(http.MethodGet, page.URL, "", nil)); len(byAddress.Invoices) != 2 {
		t.Errorf("the receipt fetched at the address is %+v, want both invoices of the session", byAddress)
	}
	number := whole.Invoices[0].KsefNumber
	if byNumber := r.upo(r.get("/sessions/" + session + "/invoices/ksef/" + number + "/upo")); byNumber.Invoices[0] != whole.Invoices[0] {
		t.Errorf("the receipt asked for by KSeF number is %+v, want the line of the session's receipt", byNumber)
	}
	var one invoiceEntry
	r.ok(r.get("/sessions/"+session+"/invoices/"+first), http.StatusOK, &one)
	if byAddress := open.upo(open.do(http.MethodGet, one.Receipt, "", nil)); byAddress.Invoices[0] != whole.Invoices[0] {
		t.Errorf("the receipt fetched at the address of the invoice is %+v, want the line of the session's receipt", byAddress)
	}
	for path, code := range map[string]int{
		"/sessions/" + session + "/upo/" + session:                                        21178,
		"/sessions/20261123-SO-0000000000-0000000000-00/upo/" + page.Reference:            21173,
		"/sessions/20261123-SO-0000000000-0000000000-00/invoices/ksef/" + number + "/upo": 21178,
		"/sessions/" + session + "/invoices/ksef/5265877635-20260101-0100001AF629-AF/upo": 21178,
		"/sessions/" + session + "/invoices/20261123-EE-0000000000-0000000000-00/upo":     21178,
		"/sessions/20261123-SO-0000000000-0000000000-00/invoices/" + first:                21405,
		"/sessions/" + session + "/invoices/20261123-EE-0000000000-0000000000-00":         21405,
	} {
		if a := r.get(path); a.status != http.StatusBadRequest || a.code() != code {
			t.Errorf("a request for %s got HTTP %d %s, want 400 and code %d", path, a.status, a.body, code)
		}
	}
}

func TestReceipts_PresignedAddress_ExpiresAndTakesNoTokenAndNoChange(t *testing.T) {
	r := newRig(t, Options{ReceiptLife: time.Hour}).loggedIn(nipA)
	session, s := r.openOnline()
	r.send(session, s, fatest.Invoice(nipA, "FV/1", today))
	r.ok(r.post("/sessions/online/"+session+"/close", nil), http.StatusNoContent, nil)
	address := r.await(session).UPO.Pages[0].URL
	open := r.with("")
	get := func(address string) int { t.Helper(); return open.do(http.MethodGet, address, "", nil).status }
	if status := get(address); status != http.StatusOK {
		t.Fatalf("a request to a pre-signed address got HTTP %d, want 200", status)
	}
	if a := r.do(http.MethodGet, address, "", nil); a.status != http.StatusBadRequest {
		t.Errorf("a request with a token to a pre-signed address got HTTP %d, want 400", a.status)
	}
	if status := get(strings.Replace(address, "session-upo", "invoice-upo", 1)); status != http.StatusForbidden {
		t.Errorf("an address changed to that of another document got HTTP %d, want 403", status)
	}
	if status := get(strings.Replace(address, "se=2026", "se=2027", 1)); status != http.StatusForbidden {
		t.Errorf("an address with another time of expiry got HTTP %d, want 403", status)
	}
	if a := open.do(http.MethodPut, address, "", nil); a.status != http.StatusMethodNotAllowed {
		t.Errorf("PUT to a pre-signed address got HTTP %d, want 405", a.status)
	}
	r.clock.add(time.Hour)
	if status := get(address); status != http.StatusForbidden {
		t.Errorf("the address got HTTP %d one hour later, want 403", status)
	}
	fresh := r.with("").loggedIn(nipA).await(session).UPO.Pages[0].URL
	if fresh == address || get(fresh) != http.StatusOK {
		t.Errorf("the next status of the session has the address %s, want a new one that works", fresh)
	}
	requests := r.sim.Books().Requests
	for group := range requests {
		if strings.Contains(group, "download") {
			t.Errorf("a request to a pre-signed address was counted against a limit: %v", requests)
		}
	}
}
