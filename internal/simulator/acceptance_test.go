package simulator

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestDuplicate_AcrossSessionsAndLanes_NamesTheOriginal(t *testing.T) {
	r := newRig(t)
	original, _ := r.sendBatch(faXML(sellerA, "FV/1", today))
	number := r.invoices(original)[0].KsefNumber
	check := func(i invoiceInfo) {
		t.Helper()
		want := []extension{{"originalSessionReferenceNumber", original}, {"originalKsefNumber", number}}
		if i.Status.Code != 440 || fmt.Sprint(i.Status.Extensions) != fmt.Sprint(want) || i.KsefNumber != "" || i.Number != "FV/1" {
			t.Errorf("the invoice is %+v, want a duplicate (440) that names the original", i)
		}
	}
	changed := strings.Replace(faXML(sellerA, "FV/1", today), "Usługa", "Towar", 1)
	again, end := r.sendBatch(changed)
	if end.Code != 445 {
		t.Errorf("status %+v, want 445", end)
	}
	check(r.invoices(again)[0])
	o := r.openOnline()
	check(o.invoice(o.send(changed)))
	o.close()
	// An invoice with another seller, kind or number is another invoice.
	other := r.openOnline()
	for _, document := range []string{
		faXML(sellerA, "fv/1", today), swap(t, faXML(sellerA, "FV/1", today), "<RodzajFaktury>VAT", "<RodzajFaktury>ROZ"),
	} {
		if i := other.invoice(other.send(document)); i.Status.Code != 200 {
			t.Errorf("the invoice is %+v, want code 200", i)
		}
	}
	if _, end := r.sendBatch(faXML(sellerB, "FV/1", today)); end.Code != 200 {
		t.Errorf("the same invoice of another seller ends with %+v, want code 200", end)
	}
}

func TestDuplicate_TwiceInOnePackage_SecondIsRefused(t *testing.T) {
	r := newRig(t)
	id, _ := r.sendBatch(faXML(sellerA, "FV/1", today), faXML(sellerA, "FV/1", today))
	list := r.invoices(id)
	if list[0].Status.Code != 200 || list[1].Status.Code != 440 || list[1].Status.Extensions[1].Value != list[0].KsefNumber {
		t.Errorf("the list is %+v, want 200 and then a duplicate (440) of it", list)
	}
}

func TestDuplicate_RejectedOriginal_DoesNotCount(t *testing.T) {
	r := newRig(t)
	r.sendBatch(swap(t, faXML(sellerA, "FV/1", today), "<P_15>123.00", "<P_15>x"))
	if _, end := r.sendBatch(faXML(sellerA, "FV/1", today)); end.Code != 200 {
		t.Errorf("the session ends with %+v, want code 200", end)
	}
}

func TestDuplicate_ManySessionsAtOnce_OneWins(t *testing.T) {
	r := newRig(t)
	const sessions, each = 8, 20
	var documents []string
	for i := range each {
		documents = append(documents, faXML(sellerA, fmt.Sprintf("FV/%d", i), today))
	}
	archive := zipOf(t, documents...)
	var open []*batch
	for range sessions {
		open = append(open, r.pack(archive, 1).begin().uploadAll())
	}
	var group sync.WaitGroup
	for _, b := range open {
		group.Go(func() { _ = r.get("/invoice/session/close/" + b.id) })
	}
	group.Wait()
	for _, b := range open {
		r.await(b.id)
	}
	books := r.sim.Books()
	numbers := map[string]int{}
	for _, a := range books.Accepted {
		numbers[a.Number]++
	}
	if len(books.Accepted) != each || len(numbers) != each || len(books.Rejected) != (sessions-1)*each {
		t.Errorf("%d invoices of %d numbers were accepted and %d rejected, want each of %d numbers accepted once and %d rejected",
			len(books.Accepted), len(numbers), len(books.Rejected), each, (sessions-1)*each)
	}
}

func TestOnline_InvoiceOfAnotherSeller_Is410(t *testing.T) {
	r := newRig(t)
	mixed, _ := r.sendBatch(faXML(sellerA, "FV/1", today), faXML(sellerB, "FV/2", today))
	if list := r.invoices(mixed); list[0].Status.Code != 200 || list[1].Status.Code != 410 {
		t.Errorf("two sellers in one session give %+v, want code 200 and then 410", list)
	}
	own := r.as("test_" + sellerB)
	o := own.openOnline()
	if i := o.invoice(o.send(faXML(sellerA, "FV/3", today))); i.Status.Code != 410 {
		t.Errorf("an invoice of another seller than the account's is %+v, want code 410", i)
	}
	if i := o.invoice(o.send(faXML(sellerB, "FV/3", today))); i.Status.Code != 200 {
		t.Errorf("an invoice of the account's own seller is %+v, want code 200", i)
	}
}

func TestOnline_FaultyInvoice_IsReportedByItsStatus(t *testing.T) {
	r := newRig(t)
	o := r.openOnline()
	good := faXML(sellerA, "FV/1", today)
	for name, c := range map[string]struct {
		change func(encrypted m)
		code   int
	}{
		"another size":                         {func(e m) { e["invoiceSize"] = 5 }, 430},
		"another hash":                         {func(e m) { e["invoiceHash"] = sha(nil) }, 430},
		"another key":                          {func(e m) { e["encryptedInvoice"] = r.secret().seal([]byte(good)) }, 435},
		"an incomplete block":                  {func(e m) { e["encryptedInvoice"] = []byte("x") }, 435},
		"the ciphertext's size as invoiceSize": {func(e m) { e["invoiceSize"] = len(e["encryptedInvoice"].([]byte)) }, 430},
	} {
		t.Run(name, func(t *testing.T) {
			body := o.body(good)
			c.change(body["encrypted"].(m))
			var sent opened
			r.ok(r.post("/invoice/send", body), &sent)
			i := o.invoice(sent.ID)
			if i.Status.Code != c.code && !(name == "another key" && i.Status.Code == 430) { // one in 256 has valid padding by chance
				t.Errorf("the invoice is %+v, want code %d", i, c.code)
			}
			if i.Number != "" {
				t.Errorf("the invoice has the number %q, although its document was never read", i.Number)
			}
		})
	}
	if i := o.invoice(o.send(withAttachment(t, good))); i.Status.Code != 415 || i.Number != "FV/1" {
		t.Errorf("an invoice with an attachment is %+v, want code 415", i)
	}
	o.close()
	if s := r.await(o.id); s.Code != 445 {
		t.Errorf("status %+v, want 445", s)
	}
}

func TestOnline_MalformedSend_IsRefusedAtOnce(t *testing.T) {
	r := newRig(t)
	o := r.openOnline()
	good := faXML(sellerA, "FV/1", today)
	for name, change := range map[string]func(b, e m){
		"no size":            func(_, e m) { delete(e, "invoiceSize") },
		"a size of 0":        func(_, e m) { e["invoiceSize"] = 0 },
		"a hash of 20 bytes": func(_, e m) { e["invoiceHash"] = make([]byte, 20) },
		"no content":         func(_, e m) { e["encryptedInvoice"] = "" },
		"an offline flag":    func(b, _ m) { b["offline"] = true },
	} {
		body := o.body(good)
		change(body, body["encrypted"].(m))
		if a := r.post("/invoice/send", body); a.status != 400 {
			t.Errorf("%s: status %d, want 400", name, a.status)
		}
	}
	b := r.pack(zipOf(t, good), 1).begin()
	body := o.body(good)
	body["sessionId"] = b.id
	if code, _ := r.post("/invoice/send", body).apiError(); code != codeSessionStatus {
		t.Errorf("a send into a batch session gives code %d, want %d: the session has the wrong status", code, codeSessionStatus)
	}
	o.close()
	if code, _ := r.post("/invoice/send", o.body(good)).apiError(); code != codeSessionStatus {
		t.Errorf("a send into a closed session gives code %d, want %d: the session has the wrong status", code, codeSessionStatus)
	}
	if n, end := len(r.invoices(o.id)), r.await(o.id).Code; n != 0 || end != 440 {
		t.Errorf("the session has %d invoices and ends with code %d, want none, because all sends were refused, and 440", n, end)
	}
}

func TestOnline_KeyNotDecrypted_SessionEndsWith415(t *testing.T) {
	r := newRig(t, func(o *Options) { o.InvoiceDelay = time.Second })
	old := r.secret()
	inTime := r.openOnline()
	if err := r.sim.RotateKey(); err != nil {
		t.Fatal(err)
	}
	var late opened
	r.ok(r.post("/invoice/session/open/online", m{"invoiceVersion": "v3", "encryptionInfo": old.info()}), &late)
	o := &online{rig: r, secret: old, id: late.ID}
	id := o.send(faXML(sellerA, "FV/1", today)) // the gateway has not noticed the wrong key yet
	ok := inTime.send(faXML(sellerA, "FV/2", today))
	r.clock.add(2 * time.Second)
	if s := r.status(o.id).Status.Code; s != 415 {
		t.Errorf("the session has status %d, want 415", s)
	}
	if i := o.invoice(id); i.Status.Code != 405 {
		t.Errorf("the invoice is %+v, want code 405", i)
	}
	if code, _ := r.post("/invoice/send", o.body("x")).apiError(); code != codeSessionStatus {
		t.Errorf("a later send gives code %d, want %d: the session has the wrong status", code, codeSessionStatus)
	}
	if i := inTime.invoice(ok); i.Status.Code != 200 {
		t.Errorf("an invoice of a session from before the rotation is %+v, want code 200", i)
	}
	if n := len(r.sim.Books().Rejected); n != 0 {
		t.Errorf("the books have %d rejected invoices, want none: a session that fails as a whole decides no invoice", n)
	}
}

func TestOnline_OpenForTwelveHours_ClosesByItself(t *testing.T) {
	r := newRig(t)
	full, empty := r.openOnline(), r.openOnline()
	full.send(faXML(sellerA, "FV/1", today))
	r.clock.add(12*time.Hour - time.Second)
	if s := r.status(full.id).Status.Code; s != 100 {
		t.Errorf("the session has status %d just before its end, want 100", s)
	}
	r.clock.add(time.Second)
	if f, e := r.status(full.id).Status.Code, r.status(empty.id).Status.Code; f != 200 || e != 440 {
		t.Errorf("the sessions end with status %d and %d, want 200 and, without invoices, 440", f, e)
	}
	if code, _ := r.post("/invoice/send", full.body(faXML(sellerA, "FV/2", today))).apiError(); code != codeSessionStatus {
		t.Errorf("a later send gives code %d, want %d: the session has the wrong status", code, codeSessionStatus)
	}
}

func TestOnline_TenThousandInvoices_NoMoreAreAccepted(t *testing.T) {
	r := newRig(t)
	o := r.openOnline()
	r.sim.mu.Lock()
	sess := r.sim.sessions[o.id]
	for range maxInvoices {
		sess.invoices = append(sess.invoices, &outcome{code: 450, sent: noon})
	}
	r.sim.mu.Unlock()
	if code, _ := r.post("/invoice/send", o.body("x")).apiError(); code != codeTooMany {
		t.Errorf("one invoice more than allowed gets code %d, want 21155", code)
	}
}

func TestOnline_DayOfAcceptance_IsTheDayOfSending(t *testing.T) {
	r := newRig(t)
	r.clock.set(time.Date(2026, 11, 23, 22, 59, 59, 0, time.UTC)) // 23:59:59 in Warsaw
	o := r.openOnline()
	future := o.send(faXML(sellerA, "FV/0", "2026-11-24"))
	online := o.send(faXML(sellerA, "FV/1", today))
	r.clock.add(time.Second)
	offline := o.send(faXML(sellerA, "FV/2", today))
	now := o.send(faXML(sellerA, "FV/3", "2026-11-24"))
	got := ""
	for _, id := range []string{future, online, offline, now} {
		i := o.invoice(id)
		got += fmt.Sprint(i.Status.Code, i.Mode, " ")
	}
	if got != "450 200online 200offline 200online " {
		t.Errorf("got %q, want 450 200online 200offline 200online", got)
	}
}
