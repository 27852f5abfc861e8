package simulator

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"time"
)

// rawList returns the entries of a session's list as JSON.
func (r *rig) rawList(id string) (entries []string) {
	r.t.Helper()
	var list struct {
		Invoices []json.RawMessage `json:"invoices"`
	}
	r.ok(r.get("/invoice/session/invoices/"+id), &list)
	for _, raw := range list.Invoices {
		entries = append(entries, string(raw))
	}
	return entries
}

// receiptOf returns the numbers of the invoices in the UPO, by KSeF number.
func (r *rig) receiptOf(id string) map[string]string {
	r.t.Helper()
	var p struct {
		Opis struct {
			Wszystko int `xml:"CalkowitaLiczbaDokumentow"`
		} `xml:"OpisPotwierdzenia"`
		Dokumenty []dokument `xml:"Dokument"`
	}
	a := r.get("/invoice/session/upo/" + id)
	if err := xml.Unmarshal(a.body, &p); err != nil || a.status != 200 {
		r.t.Fatalf("the call for the receipt is answered with %d %s (error %v), want 200 and a UPO", a.status, a.body, err)
	}
	numbers := map[string]string{}
	for _, d := range p.Dokumenty {
		numbers[d.KsefNumer] = d.Numer
	}
	if p.Opis.Wszystko != len(numbers) {
		r.t.Errorf("the receipt counts %d documents and has %d", p.Opis.Wszystko, len(numbers))
	}
	return numbers
}

func TestFault_ListOmit_EntryStaysInCountsAndBooks_AndComesBackInTime(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{Kind: ListOmit, On: opInvoices, Number: "FV/2", For: time.Minute})
	inject(t, r, Fault{Kind: ListOmit, On: opInvoices, Number: "FV/3", Times: -1})
	id, _ := r.sendBatch(faXML(sellerA, "FV/1", today), faXML(sellerA, "FV/2", today), faXML(sellerA, "FV/3", today))
	shown := func() string {
		var numbers []string
		for _, i := range r.invoices(id) {
			numbers = append(numbers, i.Number)
		}
		return strings.Join(numbers, " ")
	}
	for range 3 {
		if got := shown(); got != "FV/1" {
			t.Errorf("the list has %s, want FV/1", got)
		}
	}
	if s := r.status(id); *s.Count != 3 || *s.Success != 3 {
		t.Errorf("the session counts %d invoices, %d of them accepted: want 3 of 3", *s.Count, *s.Success)
	}
	if got := r.receiptOf(id); len(got) != 3 {
		t.Errorf("the receipt has %v, want 3 invoices", got)
	}
	r.clock.add(time.Minute)
	if got := shown(); got != "FV/1 FV/2" {
		t.Errorf("after a minute the list has %s, want FV/1 FV/2", got)
	}
	b := r.sim.Books()
	if len(b.Accepted) != 3 || b.Sessions[0].Accepted != 3 || b.Sessions[0].Invoices != 3 || b.Faults[ListOmit] != 2 {
		t.Errorf("the books are %+v, want all three invoices and two hits of the fault", b)
	}
}

func TestFault_ListOmitWithACode_LeavesOutOnlyEntriesOfThatStatus(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{Kind: ListOmit, On: opInvoices, Code: 200, Times: -1})
	inject(t, r, Fault{Kind: InvoiceStatus, Number: "FV/2", Code: 550})
	id, _ := r.sendBatch(faXML(sellerA, "FV/1", today), faXML(sellerA, "FV/2", today))
	if list := r.invoices(id); len(list) != 1 || list[0].Number != "FV/2" || list[0].Status.Code != 550 {
		t.Errorf("the list is %+v, want only FV/2 with code 550", list)
	}
}

// A fault with a Probability decides only once whether it hits an entry, however often the list is
// requested.
func TestFault_ProbabilityOfAnEntry_IsDrawnOncePerEntry(t *testing.T) {
	r := newRig(t)
	var documents []string
	for _, n := range strings.Fields("a b c d e f g h i j k l m n o p") {
		documents = append(documents, faXML(sellerA, n, today))
	}
	inject(t, r, Fault{Kind: ListOmit, Times: -1, Probability: 0.5})
	id, _ := r.sendBatch(documents...)
	first := strings.Join(r.rawList(id), "\n")
	n := len(r.rawList(id))
	if n == 0 || n == len(documents) {
		t.Errorf("%d of %d invoices are listed, want some and not all", n, len(documents))
	}
	for range 5 {
		if again := strings.Join(r.rawList(id), "\n"); again != first {
			t.Errorf("the list has changed to %s", again)
		}
	}
	if hit := r.sim.Books().Faults[ListOmit]; hit != len(documents)-n {
		t.Errorf("the books count %d hits, but %d entries were left out", hit, len(documents)-n)
	}
}

func TestFault_NumberRewritten_ChangesEveryAnswer(t *testing.T) {
	for as, want := range map[string]string{Doubled: "A  B  1", NoBreak: "A\u00a0B\u00a01", Tabbed: "A\tB\t1", TrailBlank: "A B 1 "} {
		r := newRig(t)
		inject(t, r, Fault{Kind: NumberRewritten, As: as, Times: -1})
		id, _ := r.sendBatch(faXML(sellerA, "A B 1", today), "not XML")
		if l := r.invoices(id); l[0].Number != want || l[1].Status.Code != 430 || l[1].Number != "" {
			t.Errorf("%s: the list is %+v, want the number %q in the first entry, and code 430 without a number in the second",
				as, l, want)
		}
		for ksefNumber, number := range r.receiptOf(id) {
			if number != want || len(ksefNumber) != 35 {
				t.Errorf("%s: the receipt has the number %q for %s, want %q for a KSeF number of 35 characters",
					as, number, ksefNumber, want)
			}
		}
		var page struct {
			Invoices []invoiceMetadata `json:"invoices"`
		}
		r.clock.add(time.Minute)
		first := m{"subjectType": "Subject1", "range": theDay(), "pageOffset": 0, "pageSize": 10, "sortAsc": true}
		r.ok(r.post("/invoice/metadata", first), &page)
		if len(page.Invoices) != 1 || page.Invoices[0].Number != want {
			t.Errorf("%s: the register answers %+v, want one invoice with the number %q", as, page.Invoices, want)
		}
		o := r.openOnline()
		if i := o.invoice(o.send(faXML(sellerA, "A B 1", today))); i.Status.Code != 440 || i.Number != want {
			t.Errorf("%s: the invoice is %+v, want a duplicate (440) with the number %q", as, i, want)
		}
		if b := r.sim.Books(); b.Accepted[0].Number != "A B 1" || b.Faults[NumberRewritten] != 2 {
			t.Errorf("%s: the books are %+v, want the number %q and two hits of the fault", as, b, "A B 1")
		}
	}
}

// Without any fault, the simulator normalises the white space of a number, as KSeF does.
func TestList_NumberWithOddWhiteSpace_IsNormalised(t *testing.T) {
	r := newRig(t)
	id, _ := r.sendBatch(faXML(sellerA, "A  B\u00a01", today))
	if l := r.invoices(id); l[0].Status.Code != 200 || l[0].Number != "A B 1" {
		t.Errorf("the list is %+v, want the accepted invoice A B 1", l)
	}
}

func TestFault_KsefNumberSplit_ChangesTheReceiptAlone(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{Kind: KsefNumberSplit, On: opUPO})
	id, _ := r.sendBatch(faXML(sellerA, "FV/1", today), faXML(sellerA, "FV/2", today))
	listed := r.invoices(id)
	receipt := r.receiptOf(id)
	n := listed[0].KsefNumber
	if _, split := receipt[n[:26]+"-"+n[26:]]; len(n) != 35 || !split || receipt[listed[1].KsefNumber] != "FV/2" {
		t.Errorf("the list has %+v and the receipt %v, want the KSeF number split in the receipt alone", listed, receipt)
	}
	inject(t, r, Fault{Kind: KsefNumberSplit, On: opInvoices})
	if again := r.invoices(id); len(again[0].KsefNumber) != 36 || len(again[1].KsefNumber) != 35 {
		t.Errorf("the list is %+v, want a split KSeF number in the first entry only", again)
	}
}

func TestFault_Unnamed_AcceptedInvoiceHasNoNumber(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{Kind: Unnamed, Skip: 1})
	id, _ := r.sendBatch(faXML(sellerA, "FV/1", today), faXML(sellerA, "FV/2", today))
	if l := r.invoices(id); l[0].Number != "FV/1" || l[1].Number != "" || l[1].KsefNumber == "" {
		t.Errorf("the list is %+v, want no number in the second entry only", l)
	}
}

func TestFault_Undecodable_ChangesOneFieldOfOneEntry(t *testing.T) {
	for as, want := range map[string]string{
		OddDate:         `"acquisitionDate":"2026-11-23T13:00:00.000+0100"`,
		NumericNumber:   `"invoiceNumber":2026001,`,
		TextOrdinal:     `"ordinal":"2"`,
		TextCode:        `"code":"200"`,
		SingleExtension: `"extensions":{}`,
		MappedExtension: `"extensions":{}`,
	} {
		r := newRig(t)
		inject(t, r, Fault{Kind: Undecodable, As: as, Number: "2026001", For: time.Minute})
		id, _ := r.sendBatch(faXML(sellerA, "FV/1", today), faXML(sellerA, "2026001", today), "not XML")
		l := r.rawList(id)
		if !strings.Contains(l[1], want) {
			t.Errorf("%s: the changed entry is %s, want %s in it", as, l[1], want)
		}
		var right [3]invoiceInfo
		if json.Unmarshal([]byte(l[0]), &right[0]) != nil || json.Unmarshal([]byte(l[2]), &right[2]) != nil || right[0].Number != "FV/1" {
			t.Errorf("%s: other entries are changed too: %v", as, l)
		}
		if err := json.Unmarshal([]byte(l[1]), &right[1]); err == nil && as != OddDate {
			t.Errorf("%s: the changed entry can still be decoded", as)
		}
		r.clock.add(time.Minute)
		if i := r.invoices(id)[1]; i.Number != "2026001" || i.Ordinal != 2 {
			t.Errorf("%s: after the fault has ended, the entry is %+v, want it unchanged", as, i)
		}
	}
}

func TestFault_UndecodableExtensions_ChangesADuplicate(t *testing.T) {
	r := newRig(t)
	first, _ := r.sendBatch(faXML(sellerA, "FV/1", today))
	for as, want := range map[string]string{
		SingleExtension: `"extensions":{"key":"originalSessionReferenceNumber","value":"` + first + `"}`,
		MappedExtension: `"originalSessionReferenceNumber":"` + first + `"`,
	} {
		inject(t, r, Fault{Kind: Undecodable, As: as})
		id, _ := r.sendBatch(faXML(sellerA, "FV/1", today))
		if l := r.rawList(id); !strings.Contains(l[0], want) || !strings.Contains(l[0], `"code":440`) {
			t.Errorf("%s: the entry of the duplicate is %s, want code 440 and the changed extensions", as, l[0])
		}
	}
}

// A fault passes over an entry that it cannot change, and hits the next entry that it can change.
func TestFault_EntryWithoutTheField_IsNotHit(t *testing.T) {
	r := newRig(t)
	for _, f := range []Fault{{Kind: Undecodable, As: NumericNumber}, {Kind: NumberRewritten, As: Tabbed}, {Kind: KsefNumberSplit}} {
		inject(t, r, f)
	}
	r.rawList(first(r.sendBatch("not XML")))
	if n := r.sim.Books().Faults; len(n) != 0 {
		t.Errorf("the books count the hits %v, want none", n)
	}
	r.rawList(first(r.sendBatch(faXML(sellerA, "1 2", today), faXML(sellerA, "12", today))))
	if n := r.sim.Books().Faults; n[Undecodable] != 1 || n[NumberRewritten] != 1 || n[KsefNumberSplit] != 1 {
		t.Errorf("the books count the hits %v, want one of each fault", n)
	}
}

func first(id string, _ statusInfo) string { return id }

func TestFault_ReceiptOmit_LeavesADocumentOutForAWhileOrForEver(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{Kind: ReceiptOmit, Number: "FV/1", For: time.Minute})
	inject(t, r, Fault{Kind: ReceiptOmit, Number: "FV/2"})
	id, _ := r.sendBatch(faXML(sellerA, "FV/1", today), faXML(sellerA, "FV/2", today), faXML(sellerA, "FV/3", today))
	if got := r.receiptOf(id); len(got) != 1 {
		t.Errorf("the receipt has %v, want one invoice", got)
	}
	r.clock.add(time.Minute)
	if got := r.receiptOf(id); len(got) != 2 {
		t.Errorf("after a minute the receipt has %v, want two invoices", got)
	}
	if l := r.invoices(id); len(l) != 3 || len(r.sim.Books().Accepted) != 3 {
		t.Errorf("the list is %+v, and %d invoices are accepted, want all three in both", l, len(r.sim.Books().Accepted))
	}
}
