package simulator

import (
	"net/http"
	"testing"
)

func TestFault_SessionSpoiled_WhatWasAcceptedStaysAndThereIsNoReceipt(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{Kind: SessionSpoiled, Times: 2})
	batch, end := r.sendBatch(faXML(sellerA, "FV/1", today), "not XML")
	if end.Code != 500 {
		t.Errorf("the batch session ends with %+v, want code 500", end)
	}
	if l := r.invoices(batch); l[0].Status.Code != 200 || l[0].KsefNumber == "" || l[1].Status.Code != 430 {
		t.Errorf("the batch session lists %+v, want one accepted and one with code 430", l)
	}
	o := r.openOnline()
	id := o.send(faXML(sellerA, "FV/2", today))
	o.close()
	if s, i := r.await(o.id), o.invoice(id); s.Code != 500 || i.Status.Code != 200 || i.KsefNumber == "" {
		t.Errorf("the online session is %+v and its invoice %+v, want code 500 and 200", s, i)
	}
	for _, id := range []string{batch, o.id} {
		if a := r.get("/invoice/session/upo/" + id); a.status != http.StatusBadRequest {
			t.Errorf("the UPO of %s is answered with %d, want 400", id, a.status)
		}
	}
	if b := r.sim.Books(); len(b.Accepted) != 2 {
		t.Errorf("the books have accepted %+v, want two invoices", b.Accepted)
	}
}

func TestFault_Original_IsNotNamedOrIsAnother(t *testing.T) {
	for _, kind := range []string{OmitOriginal, WrongOriginal} {
		r := newRig(t)
		other, _ := r.sendBatch(faXML(sellerA, "FV/2", today))
		r.sendBatch(faXML(sellerA, "FV/1", today))
		inject(t, r, Fault{Kind: kind})
		id, _ := r.sendBatch(faXML(sellerA, "FV/1", today))
		i := r.invoices(id)[0]
		if i.Status.Code != 440 {
			t.Fatalf("%s: the invoice is %+v, want code 440", kind, i)
		}
		if kind == OmitOriginal {
			if len(i.Status.Extensions) != 0 || i.Status.Details != "" {
				t.Errorf("%s: the invoice is %+v, want no original", kind, i)
			}
			continue
		}
		if e := i.Status.Extensions; e[0].Value != other || e[1].Value != r.invoices(other)[0].KsefNumber {
			t.Errorf("%s: the invoice is %+v, want FV/2 of session %s as the original", kind, i, other)
		}
	}
}
