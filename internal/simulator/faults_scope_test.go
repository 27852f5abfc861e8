package simulator

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A fault that concerns one taxpayer, one operation or both hits no other request.
func TestFault_OfOneTenantOrOneOperation_OthersAreAnswered(t *testing.T) {
	paths := func(id string) map[string]string {
		const session = "/invoice/session/"
		return map[string]string{
			opPublicKey: "/invoice/public/key", opSessionStatus: session + "status/" + id, opInvoices: session + "invoices/" + id,
		}
	}
	for name, c := range map[string]struct {
		fault Fault
		a, b  string // operations that fail for the tenant with the fault, and for the other tenant
	}{
		"the fault names a tenant by its NIP":       {Fault{NIP: sellerA}, opPublicKey + opSessionStatus + opInvoices, ""},
		"the fault names a tenant by its account":   {Fault{Account: "test_" + sellerA}, opPublicKey + opSessionStatus + opInvoices, ""},
		"the fault names an operation":              {Fault{On: opInvoices}, opInvoices, opInvoices},
		"the fault names an operation and a tenant": {Fault{On: opInvoices, NIP: sellerA}, opInvoices, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			a, b := r.as("test_"+sellerA), r.as("test_"+sellerB)
			ofA, ofB := paths(a.openOnline().id), paths(b.openOnline().id)
			c.fault.Kind, c.fault.Code, c.fault.Lasting = Status, 503, time.Minute
			inject(t, r, c.fault)
			check := func(failA, failB string) {
				t.Helper()
				for op, path := range ofA {
					if failed := a.get(path).status == 503; failed != strings.Contains(failA, op) {
						t.Errorf("%s of the tenant with the fault failed: %v, want %v", op, failed, !failed)
					}
					if failed := b.get(ofB[op]).status == 503; failed != strings.Contains(failB, op) {
						t.Errorf("%s of the other tenant failed: %v, want %v", op, failed, !failed)
					}
				}
			}
			for range 3 { // a fault with Lasting and without Times hits every request until its time is over
				check(c.a, c.b)
			}
			r.clock.add(time.Minute)
			check("", "")
		})
	}
}

func TestFault_Hang_AnswersNothingAndDoesNothing(t *testing.T) {
	r := newRig(t)
	o := r.openOnline()
	inject(t, r, Fault{Kind: Hang, On: opClose})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if a := r.do(r.request("GET", "/invoice/session/close/"+o.id, nil).WithContext(ctx)); a.err == nil || ctx.Err() == nil {
		t.Errorf("the hang was answered with %d %v before the client went away", a.status, a.err)
	}
	inject(t, r, Fault{Kind: Hang, On: opClose, For: 10 * time.Millisecond})
	if a := r.get("/invoice/session/close/" + o.id); a.err == nil {
		t.Errorf("a hang is answered with %d, want no answer", a.status)
	}
	if s := r.status(o.id).Status.Code; s != 100 {
		t.Errorf("the session has status %d, want 100: the close was not carried out", s)
	}
}

// A hang without For must end when the client goes away, whatever the client was sending.
func TestFault_HangOfThePartStore_EndsWithTheClientAndStoresNothing(t *testing.T) {
	r := newRig(t)
	b := r.pack(zipOf(t, faXML(sellerA, "FV/1", today)), 2).begin()
	inject(t, r, Fault{Kind: Hang, On: opPart})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if a := r.upload(b.uploads[0], b.parts[0], func(req *http.Request) { *req = *req.WithContext(ctx) }); a.err == nil {
		t.Errorf("the upload during the hang is answered with %d, want no answer", a.status)
	}
	if s := r.status(b.id).Status.Code; s != 100 {
		t.Errorf("while the part store hangs, the gateway answers with status %d of the session, want 100", s)
	}
	if a := r.upload(b.uploads[1], b.parts[1]); a.status != http.StatusCreated {
		t.Errorf("the upload of the second part is answered with %d, want 201", a.status)
	}
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	if parts := r.sim.sessions[b.id].parts; len(parts) != 1 || parts[2] == nil {
		t.Errorf("the stored parts are %v, want the second alone", parts)
	}
}

func TestFault_PartStoreDown_TheGatewayAnswers(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{Kind: Status, On: opPart, Code: 503, Lasting: time.Minute})
	b := r.pack(zipOf(t, faXML(sellerA, "FV/1", today)), 1).begin()
	for range 3 {
		if a := r.upload(b.uploads[0], b.parts[0]); a.status != 503 {
			t.Errorf("the part store answers %d, want 503", a.status)
		}
	}
	r.clock.add(time.Minute)
	b.uploadAll().close()
	if end := r.await(b.id); end.Code != 200 {
		t.Errorf("the session ends with %+v, want code 200", end)
	}
}

func TestFault_OneSession_OtherSessionsAreAnswered(t *testing.T) {
	r := newRig(t)
	first, second := r.pack(zipOf(t, faXML(sellerA, "FV/1", today)), 1).begin(), r.pack(zipOf(t, faXML(sellerA, "FV/2", today)), 1).begin()
	inject(t, r, Fault{Kind: Status, On: opSessionStatus, Code: 503, OneSession: true, Lasting: time.Minute})
	for range 3 { // the first session that is asked about is the one that fails
		if a := r.get("/invoice/session/status/" + first.id); a.status != 503 {
			t.Errorf("the failing session is answered with %d, want 503", a.status)
		}
		if a := r.get("/invoice/session/status/" + second.id); a.status != 200 {
			t.Errorf("another session is answered with %d, want 200", a.status)
		}
	}
	if a := r.get("/invoice/session/invoices/" + first.id); a.status == 503 {
		t.Error("another operation of the session fails too, want only its status to fail")
	}
	r.clock.add(time.Minute)
	if a := r.get("/invoice/session/status/" + first.id); a.status != 200 {
		t.Errorf("after the fault the session is answered with %d, want 200", a.status)
	}
}

// When an invoice is sent with the key of a taxpayer who may not issue it, KSeF refuses the invoice
// with 410. This fault refuses every invoice of one seller in the same way.
func TestFault_410ForEveryInvoiceOfASeller_OthersAreAccepted(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{Kind: InvoiceStatus, Code: 410, NIP: sellerA, Times: -1})
	for range 2 {
		id, end := r.as("test_"+sellerA).sendBatch(faXML(sellerA, "FV/1", today), faXML(sellerA, "FV/2", today))
		if end.Code != 445 {
			t.Errorf("the session ends with %+v, want code 445", end)
		}
		for _, i := range r.as("test_" + sellerA).invoices(id) {
			if i.Status.Code != 410 {
				t.Errorf("the invoice is %+v, want code 410", i)
			}
		}
	}
	if _, end := r.as("test_" + sellerB).sendBatch(faXML(sellerB, "FV/1", today)); end.Code != 200 {
		t.Errorf("an invoice of another seller ends with %+v, want code 200", end)
	}
	if b := r.sim.Books(); len(b.Accepted) != 1 || len(b.Rejected) != 4 {
		t.Errorf("the books have %d accepted and %d rejected invoices, want 1 and 4", len(b.Accepted), len(b.Rejected))
	}
}

func TestFault_WithALabel_IsCountedUnderIt(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{Kind: Status, Label: "storm", Times: 2})
	inject(t, r, Fault{Kind: Status})
	for range 3 {
		r.get("/invoice/public/key")
	}
	if n := r.sim.Books().Faults; n["storm"] != 2 || n[Status] != 1 {
		t.Errorf("the books count the hits %v, want two of storm and one of status", n)
	}
}

func TestFault_Validate_IncompleteOrContradictory_IsRefused(t *testing.T) {
	for name, f := range map[string]Fault{
		"number-rewritten without As":                  {Kind: NumberRewritten},
		"an As that belongs to another kind":           {Kind: Undecodable, As: NoBreak},
		"an As for a kind that has none":               {Kind: Status, As: OddDate},
		"a negative Lasting":                           {Kind: Status, Lasting: -1},
		"undecodable without As":                       {Kind: Undecodable},
		"OneSession on an operation without a session": {Kind: Status, On: opOpenBatch, OneSession: true},
	} {
		if f.Validate() == nil {
			t.Errorf("Validate accepted %s, want an error", name)
		}
	}
	faults, err := ParseFaults([]byte(`[{"kind":"undecodable","as":"date","on":"invoices","times":-1,"for":"5s","lasting":"1m"}]`))
	if err != nil || faults[0].As != OddDate || faults[0].Lasting != time.Minute {
		t.Errorf("the script is read as %+v (error %v), want As date and Lasting 1m0s", faults, err)
	}
}
