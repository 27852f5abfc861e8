package ministry

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/fa/fatest"
)

func TestOnline_TheWholeWay_EndsInABookEntryAndAReceipt(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	session, s := r.openOnline()
	document := fatest.Invoice(nipA, "FV/1", today)
	sent := r.send(session, s, document)
	var one invoiceEntry
	r.ok(r.get("/sessions/"+session+"/invoices/"+sent), http.StatusOK, &one)
	if one.Status.Code != 200 || one.Number != "FV/1" || one.Hash != base64Of(hashOf([]byte(document))) || one.Mode != "Online" {
		t.Errorf("the invoice is %+v, want FV/1, accepted, with its hash and the mode Online", one)
	}
	if state := r.sessionState(session); state.Status.Code != 100 || state.UPO != nil || *state.Count != 1 {
		t.Errorf("the session is %+v, want it open, with one invoice", state)
	}
	r.ok(r.post("/sessions/online/"+session+"/close", nil), http.StatusNoContent, nil)
	if a := r.post("/sessions/online/"+session+"/close", nil); a.code() != 21180 {
		t.Errorf("the second close of a session got HTTP %d %s, want code 21180", a.status, a.body)
	}
	state := r.sessionState(session)
	if state.Status.Code != 200 || state.UPO == nil || *state.Success != 1 || *state.Failed != 0 {
		t.Fatalf("the session is %+v, want code 200, a UPO, and one invoice, accepted", state)
	}
	books := r.sim.Books()
	if len(books.Accepted) != 1 || books.Accepted[0].KsefNumber != one.KsefNumber || books.Accepted[0].Session != session {
		t.Errorf("the books hold the accepted invoices %+v, want the one that was sent", books.Accepted)
	}
	if books.Sessions[0].Account != AccountPrefix+nipA {
		t.Errorf("the books name the account %s, want the seller's, %s", books.Sessions[0].Account, AccountPrefix+nipA)
	}
	if a := r.post("/sessions/online/"+session+"/invoices", s.invoiceBody(fatest.Invoice(nipA, "FV/2", today))); a.code() != 21180 {
		t.Errorf("a send after the close got HTTP %d %s, want code 21180", a.status, a.body)
	}
}

func TestOnline_BothFaces_ShareOneRegister(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	session, s := r.openOnline()
	r.send(session, s, fatest.Invoice(nipA, "FV/1", today))
	again, s2 := r.openOnline()
	reference := r.send(again, s2, fatest.Invoice(nipA, "FV/1", today))
	var one invoiceEntry
	r.ok(r.get("/sessions/"+again+"/invoices/"+reference), http.StatusOK, &one)
	number := r.sim.Books().Accepted[0].KsefNumber
	if one.Status.Code != 440 || one.Status.Extensions["originalKsefNumber"] != number ||
		one.Status.Extensions["originalSessionReferenceNumber"] != session {
		t.Errorf("the invoice has the status %+v, want 440 with the original %s of session %s", one.Status, number, session)
	}
	// The gateway's face, with a key of the same taxpayer, finds the invoice but not the session.
	gateway := func(path string) int {
		t.Helper()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		req.SetBasicAuth("test_"+nipA, "test_key")
		w := httptest.NewRecorder()
		r.sim.ServeHTTP(w, req)
		return w.Code
	}
	if status := gateway("/invoice/get/" + number); status != http.StatusOK {
		t.Errorf("the gateway's request for the document got HTTP %d, want 200", status)
	}
	if status := gateway("/invoice/session/status/" + session); status != http.StatusBadRequest {
		t.Errorf("the gateway's request for the session's status got HTTP %d, want 400", status)
	}
}

func TestOnline_BadSends_AreRefusedAtOnceOrByTheirStatus(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	session, s := r.openOnline()
	document := fatest.Invoice(nipA, "FV/1", today)
	changed := func(field string, value any) m {
		body := s.invoiceBody(document)
		if value == nil {
			delete(body, field)
		} else {
			body[field] = value
		}
		return body
	}
	for name, c := range map[string]struct {
		body any
		code int
	}{
		"an unknown field":                           {changed("invoiceVersion", "v3"), 21405},
		"a field name in another case":               {changed("InvoiceHash", "x"), 21405},
		"no size":                                    {changed("invoiceSize", nil), 21405},
		"a hash of 31 bytes":                         {changed("invoiceHash", make([]byte, 31)), 21405},
		"a wrong encrypted size":                     {changed("encryptedInvoiceSize", 1), 21402},
		"a wrong encrypted hash":                     {changed("encryptedInvoiceHash", make([]byte, 32)), 21403},
		"hashOfCorrectedInvoice without offlineMode": {changed("hashOfCorrectedInvoice", make([]byte, 32)), 21405},
		"a body that is not JSON":                    {[]byte("{"), 21405},
	} {
		if a := r.post("/sessions/online/"+session+"/invoices", c.body); a.status != http.StatusBadRequest || a.code() != c.code {
			t.Errorf("with %s the send got HTTP %d %s, want 400 and code %d", name, a.status, a.body, c.code)
		}
	}
	for name, c := range map[string]struct {
		body m
		code int
	}{"a wrong hash": {changed("invoiceHash", make([]byte, 32)), 430}, "a wrong size": {changed("invoiceSize", 7), 430}} {
		var sent struct {
			Reference string `json:"referenceNumber"`
		}
		r.ok(r.post("/sessions/online/"+session+"/invoices", c.body), http.StatusAccepted, &sent)
		var one invoiceEntry
		r.ok(r.get("/sessions/"+session+"/invoices/"+sent.Reference), http.StatusOK, &one)
		if one.Status.Code != c.code || one.KsefNumber != "" {
			t.Errorf("with %s the invoice ended as %+v, want code %d and no KSeF number", name, one, c.code)
		}
	}
	if a := r.post("/sessions/online/20261123-SO-0000000000-0000000000-00/invoices", s.invoiceBody(document)); a.code() != 21173 {
		t.Errorf("a send to an unknown session got HTTP %d %s, want code 21173", a.status, a.body)
	}
	if a := r.with("").loggedIn(nipB).post("/sessions/online/"+session+"/invoices", s.invoiceBody(document)); a.code() != 21173 {
		t.Errorf("a send to a session of another taxpayer got HTTP %d %s, want code 21173", a.status, a.body)
	}
	if a := r.get("/sessions/short"); a.code() != 21405 {
		t.Errorf("a status request with a short reference got HTTP %d %s, want code 21405", a.status, a.body)
	}
}

func TestOnline_BadOpenings_AreRefused(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	s := r.secret()
	form := func(system, schema, value string) m {
		return m{"systemCode": system, "schemaVersion": schema, "value": value}
	}
	for name, body := range map[string]m{
		"a systemCode without its blank": {"formCode": form("FA(3)", "1-0E", "FA"), "encryption": s.info()},
		"another schemaVersion":          {"formCode": form("FA (3)", "2-0E", "FA"), "encryption": s.info()},
		"the form PEF":                   {"formCode": form("PEF (3)", "2-1", "PEF"), "encryption": s.info()},
		"an initialization vector of 8 bytes": {
			"formCode":   formFA3(),
			"encryption": m{"encryptedSymmetricKey": s.wrapped, "initializationVector": s.iv[:8]},
		},
		"no encryption": {"formCode": formFA3()},
	} {
		if a := r.post("/sessions/online", body); a.status != http.StatusBadRequest || a.code() != 21405 {
			t.Errorf("%s: the answer is %d %s, want status 400 and code 21405", name, a.status, a.body)
		}
	}
}

// A key that KSeF does not know is refused at once when the request names it. When the request
// names no key, the session fails later.
func TestOnline_RotatedKey_Is21470OrFailsTheSession(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	s := r.secret()
	if err := r.sim.RotateKey(); err != nil {
		t.Fatal(err)
	}
	if a := r.post("/sessions/online", m{"formCode": formFA3(), "encryption": s.info()}); a.code() != 21470 ||
		!bytes.Contains(a.body, []byte(s.id)) {
		t.Errorf("the open got HTTP %d %s, want code 21470 with the key's id %s", a.status, a.body, s.id)
	}
	info := s.info()
	delete(info, "publicKeyId")
	var opened struct {
		Reference string `json:"referenceNumber"`
	}
	r.ok(r.post("/sessions/online", m{"formCode": formFA3(), "encryption": info}), http.StatusCreated, &opened)
	if state := r.sessionState(opened.Reference); state.Status.Code != 415 {
		t.Errorf("the session has the status %+v, want code 415", state.Status)
	}
	r.openOnline() // with the new key
}

func TestOnline_PlannedRotation_KeepsTheOldKeyUntilTheNext(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	old := r.secret()
	if err := r.sim.RotateKeyAsPlanned(); err != nil {
		t.Fatal(err)
	}
	var keys []publicKey
	r.ok(r.get("/security/public-key-certificates"), http.StatusOK, &keys)
	if len(keys) != 3 || keys[1].KeyID != old.id || keys[2].From <= keys[1].From {
		t.Errorf("the keys are %+v, want three, with the old key before the new one", keys)
	}
	open := func() answer { return r.post("/sessions/online", m{"formCode": formFA3(), "encryption": old.info()}) }
	var opened struct {
		Reference string `json:"referenceNumber"`
	}
	r.ok(open(), http.StatusCreated, &opened)
	r.send(opened.Reference, old, fatest.Invoice(nipA, "FV/1", today))
	if len(r.sim.Books().Accepted) != 1 {
		t.Error("an invoice that was sealed with the old key was not accepted")
	}
	if a := r.do(http.MethodPost, "/sim/rotate-key", jsonType, []byte(`{"planned":true}`)); a.status != http.StatusOK {
		t.Fatalf("the request for the next rotation got HTTP %d %s, want 200", a.status, a.body)
	}
	if a := open(); a.code() != 21470 {
		t.Errorf("an open with the old key after the next rotation got HTTP %d %s, want code 21470", a.status, a.body)
	}
}

func TestOnline_TechnicalCorrection_ReplacesARefusedInvoiceOnce(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	session, s := r.openOnline()
	bad := strings.Replace(fatest.Invoice(nipA, "FV/1", today), "<P_15>123.00</P_15>", "", 1)
	r.send(session, s, bad)
	send := func(corrects []byte, document string) answer {
		body := s.invoiceBody(document)
		body["offlineMode"], body["hashOfCorrectedInvoice"] = true, corrects
		return r.post("/sessions/online/"+session+"/invoices", body)
	}
	good := fatest.Invoice(nipA, "FV/1", today)
	if a := send(make([]byte, 32), good); a.code() != 21405 {
		t.Errorf("a correction of an unknown invoice got HTTP %d %s, want code 21405", a.status, a.body)
	}
	r.ok(send(hashOf([]byte(bad)), good), http.StatusAccepted, nil)
	if a := send(hashOf([]byte(bad)), good); a.code() != 21166 {
		t.Errorf("a second correction of one invoice got HTTP %d %s, want code 21166", a.status, a.body)
	}
	if a := send(hashOf([]byte(good)), good); a.code() != 21167 {
		t.Errorf("a correction of an accepted invoice got HTTP %d %s, want code 21167", a.status, a.body)
	}
	books := r.sim.Books()
	if len(books.Accepted) != 1 || books.Accepted[0].Mode != "offline" {
		t.Errorf("the books have accepted %+v, want one invoice with the mode offline", books.Accepted)
	}
	found := r.metadata(m{"subjectType": "Subject1", "dateRange": theDay("Invoicing")}, "")
	if len(found.Invoices) != 1 || found.Invoices[0].Corrects != base64Of(hashOf([]byte(bad))) {
		t.Errorf("the register answers %+v, want one invoice with the hash of the refused one", found)
	}
}

func TestOnline_FullSession_Is21155(t *testing.T) {
	limited := func(o *simulator.Options) { o.Taxpayers = []simulator.Taxpayer{{NIP: nipA, MaxSessionInvoices: 1}} }
	r := newRig(t, Options{}, limited).loggedIn(nipA)
	session, s := r.openOnline()
	r.send(session, s, fatest.Invoice(nipA, "FV/1", today))
	if a := r.post("/sessions/online/"+session+"/invoices", s.invoiceBody(fatest.Invoice(nipA, "FV/2", today))); a.code() != 21155 {
		t.Errorf("a send to a full session got HTTP %d %s, want code 21155", a.status, a.body)
	}
	var limits struct {
		Online sessionLimits `json:"onlineSession"`
	}
	r.ok(r.get("/limits/context"), http.StatusOK, &limits)
	if limits.Online != (sessionLimits{1, 3, 1}) {
		t.Errorf("the limits are %+v, want 1 MB, 3 MB and one invoice", limits)
	}
}

func TestOnline_OpenForTwelveHours_ClosesByItself(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	session, s := r.openOnline()
	r.send(session, s, fatest.Invoice(nipA, "FV/1", today))
	r.clock.add(12 * time.Hour)
	if state := r.with("").loggedIn(nipA).sessionState(session); state.Status.Code != 200 {
		t.Errorf("the session has the status %+v, want code 200", state.Status)
	}
}
