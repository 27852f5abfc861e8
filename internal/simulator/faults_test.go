package simulator

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// inject arms a fault and lets every request open a connection of its own. When a kept connection
// dies, net/http repeats a GET by itself, and the test would not see that the fault has hit.
func inject(t testing.TB, r *rig, f Fault) {
	t.Helper()
	r.http.Transport.(*http.Transport).DisableKeepAlives = true
	if err := r.sim.Inject(f); err != nil {
		t.Fatal(err)
	}
}

func TestFault_EachRequestKind_ActsAndAnswersAsOrdered(t *testing.T) {
	for kind, c := range map[string]struct {
		fault  Fault
		acted  bool
		status int // 0: no answer
		html   bool
	}{
		DropRequest: {Fault{}, false, 0, false},
		Reset:       {Fault{}, false, 0, false},
		Status:      {Fault{Code: 503}, false, 503, true},
		HTML200:     {Fault{}, false, 200, true},
		TooMany:     {Fault{For: 90 * time.Second}, false, 429, false},
		Denied:      {Fault{}, false, 401, false},
		Forbidden:   {Fault{}, false, 403, false},
		Refused:     {Fault{}, false, 400, false},
		SlowRequest: {Fault{For: 10 * time.Millisecond}, true, 200, false},
		Slow:        {Fault{For: 10 * time.Millisecond}, true, 200, false},
		DropAnswer:  {Fault{}, true, 0, false},
		Error500:    {Fault{}, true, 500, false},
		KeyRotated:  {Fault{}, true, 200, false},
	} {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t)
			o := r.openOnline()
			c.fault.On, c.fault.Kind = opClose, kind
			inject(t, r, c.fault)
			started := time.Now()
			a := r.get("/invoice/session/close/" + o.id)
			if a.status != c.status || (a.err != nil) != (c.status == 0) {
				t.Errorf("the answer is %d %s (error %v), want status %d, where 0 is no answer", a.status, a.body, a.err, c.status)
			}
			if html := strings.HasPrefix(a.header.Get("Content-Type"), "text/html"); html != c.html {
				t.Errorf("the Content-Type is %s, want HTML: %v", a.header.Get("Content-Type"), c.html)
			}
			if c.fault.For == 10*time.Millisecond && time.Since(started) < c.fault.For {
				t.Error("the answer was not delayed")
			}
			if kind == TooMany && a.header.Get("Retry-After") != "90" {
				t.Errorf("the Retry-After is %s, want 90", a.header.Get("Retry-After"))
			}
			if acted := r.status(o.id).Status.Code != 100; acted != c.acted {
				t.Errorf("the close was carried out: %v, want %v", acted, c.acted)
			}
			if n := r.sim.Books().Faults[kind]; n != 1 {
				t.Errorf("the books count %d hits, want 1", n)
			}
		})
	}
}

func TestFault_429_BlocksTheGroupUntilRetryAfter(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{On: opPublicKey, Kind: TooMany, For: 2680 * time.Second})
	r.get("/invoice/public/key")
	r.clock.add(2679 * time.Second)
	if a := r.get("/invoice/public/key"); a.status != 429 || len(r.sim.Books().Violations) != 1 {
		t.Errorf("one second before the block ends the answer is %d, and the books have the violations %+v, want 429 and one violation",
			a.status, r.sim.Books().Violations)
	}
	other := newRig(t)
	inject(t, other, Fault{On: opPublicKey, Kind: TooMany})
	if a := other.get("/invoice/public/key"); a.status != 429 || a.header.Get("Retry-After") != "" {
		t.Errorf("a fault without For is answered with %d %v, want 429 without Retry-After", a.status, a.header)
	}
	other.ok(other.get("/invoice/public/key"), nil)
}

func TestFault_AtAPart_PartIsNotStored(t *testing.T) {
	for _, kind := range []string{HTML200, Status, DropRequest, Reset} {
		r := newRig(t)
		b := r.pack(zipOf(t, faXML(sellerA, "FV/1", today)), 2).begin()
		inject(t, r, Fault{On: opPart, Kind: kind, Skip: 1})
		for i, u := range b.uploads {
			if a := r.upload(u, b.parts[i]); (a.status == 201) != (i == 0) {
				t.Errorf("%s: the upload of part %d is answered with %d, want 201 for the first part only", kind, i+1, a.status)
			}
		}
		b.close()
		if s := r.await(b.id); s.Code != 405 {
			t.Errorf("%s: status %+v, want 405", kind, s)
		}
	}
}

func TestFault_AccountOrNIP_HitsOnlyThese(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{On: opPublicKey, Kind: Denied, Account: "test_" + sellerA, Skip: 1, Times: 2})
	inject(t, r, Fault{On: opPublicKey, Kind: Status, NIP: sellerB, Times: -1})
	got := ""
	for range 4 {
		for _, who := range []*rig{r.as("test_" + sellerA), r.as("test_" + sellerB), r} {
			got += fmt.Sprint(who.get("/invoice/public/key").status, " ")
		}
		got += "|"
	}
	if got != "200 502 200 |401 502 200 |401 502 200 |200 502 200 |" {
		t.Errorf("the statuses are %q, want 401 twice for the first account, and 502 always for the second", got)
	}
}

func TestFault_Lane_HitsOnlyThisLane(t *testing.T) {
	r := newRig(t)
	b, o := r.pack(zipOf(t, "x"), 1).begin().uploadAll(), r.openOnline()
	inject(t, r, Fault{On: opClose, Kind: Error500, Lane: laneBatch})
	if a := r.get("/invoice/session/close/" + o.id); a.status != 200 {
		t.Errorf("the close of the online session is answered with %d, want 200", a.status)
	}
	if a := r.get("/invoice/session/close/" + b.id); a.status != 500 {
		t.Errorf("the close of the batch session is answered with %d, want 500", a.status)
	}
}

func TestFault_LargeBody_ClientSeesTheAnswer(t *testing.T) {
	r := newRig(t)
	b := r.pack(bytes.Repeat([]byte("x"), 8<<20), 1).begin()
	for _, f := range []Fault{{Kind: HTML200}, {Kind: Status, Code: 503}, {Kind: TooMany}, {Kind: Denied}} {
		f.On = opPart
		inject(t, r, f)
		if a := r.upload(b.uploads[0], b.parts[0]); a.err != nil || a.status == 201 {
			t.Errorf("%s: the upload is answered with %d (error %v), want an answer other than 201", f.Kind, a.status, a.err)
		}
	}
	u := b.uploads[0]
	u.Headers = nil
	if a := r.upload(u, b.parts[0]); a.err != nil || a.status != 400 {
		t.Errorf("a refused upload is answered with %d (error %v), want 400", a.status, a.err)
	}
}

func TestFault_Probability_IsRepeatableBySeed(t *testing.T) {
	run := func() string {
		r := newRig(t)
		inject(t, r, Fault{On: "any", Kind: Denied, Probability: 0.5, Times: -1})
		got := ""
		for range 40 {
			got += fmt.Sprint(r.get("/invoice/public/key").status, " ")
		}
		return got
	}
	first := run()
	if n := strings.Count(first, "401"); n < 10 || n > 30 || first != run() {
		t.Errorf("the fault hit %d of 40 requests; want 10 to 30, and the same ones the second time", n)
	}
}

func TestFault_SessionRefused_AcceptsNothingAndTheNextPasses(t *testing.T) {
	for _, code := range []int{405, 415, 430, 435, 440, 445, 500, 550} {
		r := newRig(t)
		inject(t, r, Fault{Kind: SessionRefused, Code: code})
		id, end := r.sendBatch(faXML(sellerA, "FV/1", today), "not XML")
		if end.Code != code || end.Description == "" {
			t.Errorf("the session ends with %+v, want code %d and a description", end, code)
		}
		for _, i := range r.invoices(id) {
			if i.Status.Code != 405 {
				t.Errorf("code %d: the invoice is %+v, want code 405", code, i)
			}
		}
		if b := r.sim.Books(); len(b.Accepted) != 0 || len(b.Rejected) != 0 {
			t.Errorf("code %d: the books have %+v and %+v, want no invoice", code, b.Accepted, b.Rejected)
		}
		if _, end := r.sendBatch(faXML(sellerA, "FV/1", today)); end.Code != 200 {
			t.Errorf("code %d: the next session ends with %+v, want code 200", code, end)
		}
	}
	r := newRig(t)
	inject(t, r, Fault{On: opOpenOnline, Kind: SessionRefused, Code: 500})
	if _, end := r.sendBatch(faXML(sellerA, "FV/0", today)); end.Code != 200 {
		t.Errorf("a fault of online sessions hit a batch session, which ends with %+v, want code 200", end)
	}
	o := r.openOnline()
	id := o.send(faXML(sellerA, "FV/1", today))
	if i := o.invoice(id); i.Status.Code != 150 {
		t.Errorf("before the session ends, the invoice is %+v, want code 150", i)
	}
	o.close()
	if s, i := r.await(o.id), o.invoice(id); s.Code != 500 || i.Status.Code != 405 || len(r.sim.Books().Accepted) != 1 {
		t.Errorf("the session is %+v and its invoice %+v, and %d invoices are accepted, want code 500, code 405 and 1",
			s, i, len(r.sim.Books().Accepted))
	}
}

func TestFault_Poison_RefusesEveryPackageThatHoldsTheInvoice(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{Kind: Poison, Number: "FV/6*", Code: 500, Skip: 0})
	for range 3 {
		if _, end := r.sendBatch(faXML(sellerA, "FV/1", today), faXML(sellerA, "FV/6/11", today)); end.Code != 500 {
			t.Errorf("the session ends with %+v, want code 500", end)
		}
	}
	if _, end := r.sendBatch(faXML(sellerA, "FV/1", today)); end.Code != 200 {
		t.Errorf("a package without the invoice ends with %+v, want code 200", end)
	}
}

func TestFault_SkippedSessionRefusal_CountsPackagesNotInvoices(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{Kind: SessionRefused, Code: 405, Skip: 1})
	got := ""
	for i := range 3 {
		_, end := r.sendBatch(faXML(sellerA, fmt.Sprint("A/", i), today), faXML(sellerA, fmt.Sprint("B/", i), today))
		got += fmt.Sprint(end.Code, " ")
	}
	if got != "200 405 200 " {
		t.Errorf("the sessions end with %q, want 405 for the second package only", got)
	}
}

func TestFault_InvoiceStatus_HitsOnceAndTheNextIsAccepted(t *testing.T) {
	for _, code := range []int{0, 500, 415, 999} {
		r := newRig(t)
		inject(t, r, Fault{Kind: InvoiceStatus, Code: code, Number: "FV/2"})
		want := code
		if code == 0 {
			want = 550
		}
		id, _ := r.sendBatch(faXML(sellerA, "FV/1", today), faXML(sellerA, "FV/2", today))
		if l := r.invoices(id); l[0].Status.Code != 200 || l[1].Status.Code != want || l[1].Number != "FV/2" {
			t.Errorf("the list is %+v, want code 200 and then %d for FV/2", l, want)
		}
		if _, end := r.sendBatch(faXML(sellerA, "FV/2", today)); end.Code != 200 {
			t.Errorf("sent again, the package ends with %+v, want code 200", end)
		}
	}
}

func TestFault_OmitNumber_HidesNumbersOfRejectedInvoicesOnly(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{Kind: OmitNumber})
	id, _ := r.sendBatch(faXML(sellerA, "FV/1", today), faXML(sellerA, "FV/1", today), faXML(sellerA, "FV/2", "2026-12-24"))
	if l := r.invoices(id); l[0].Number != "FV/1" || l[1].Number != "" || l[2].Number != "" {
		t.Errorf("the list is %+v, want a number in the first entry only", l)
	}
	if b := r.sim.Books(); b.Rejected[1].Number != "FV/2" || b.Faults[OmitNumber] != 2 {
		t.Errorf("the books have the rejected invoices %+v and %d hits of the fault, want the second with number FV/2, and two hits",
			b.Rejected, b.Faults[OmitNumber])
	}
}

func TestFault_Stuck_StatusStaysForSimulatedTime(t *testing.T) {
	r := newRig(t)
	inject(t, r, Fault{Kind: Stuck, For: 9 * time.Hour})
	b := r.pack(zipOf(t, faXML(sellerA, "FV/1", today)), 1).begin().uploadAll().close()
	r.sim.Advance(9*time.Hour - time.Second)
	if s := r.status(b.id).Status.Code; s != 150 {
		t.Errorf("the session has status %d, want 150", s)
	}
	r.sim.Advance(time.Second)
	if s := r.await(b.id); s.Code != 200 {
		t.Errorf("status %+v, want 200", s)
	}
}

func TestFault_LostSession_IsUnknownButStillProcessed(t *testing.T) {
	r := newRig(t)
	b := r.pack(zipOf(t, faXML(sellerA, "FV/1", today)), 1).begin().uploadAll()
	inject(t, r, Fault{On: opClose, Kind: Lost})
	inject(t, r, Fault{On: opClose, Kind: DropAnswer})
	if a := r.get("/invoice/session/close/" + b.id); a.err == nil {
		t.Errorf("the answer is %d, want a connection that ends without an answer", a.status)
	}
	if code, _ := r.get("/invoice/session/status/" + b.id).apiError(); code != codeNoSession {
		t.Errorf("the status of the lost session has code %d, want 21173", code)
	}
	for deadline := time.Now().Add(10 * time.Second); len(r.sim.Books().Accepted) == 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the lost session is not processed within ten seconds")
		}
	}
}

func TestParseFaults_JSONOrYAML_AreReadAndAllMistakesNamed(t *testing.T) {
	want := fmt.Sprint([]Fault{{On: opClose, Kind: Slow, For: 90 * time.Second, Times: 2}, {Kind: Poison, Number: "FV/6", Code: 405}})
	for _, script := range []string{
		`[{"on":"close","kind":"slow","for":"90s","times":2},{"kind":"poison","number":"FV/6","code":405}]`,
		"- {on: close, kind: slow, for: 1m30s, times: 2}\n- kind: poison\n  number: FV/6\n  code: 405\n",
	} {
		if got, err := ParseFaults([]byte(script)); err != nil || fmt.Sprint(got) != want {
			t.Errorf("the script gives %v (error %v), want %s", got, err, want)
		}
	}
	if got, err := ParseFaults(nil); err != nil || len(got) != 0 {
		t.Errorf("an empty script gives %v (error %v), want no fault", got, err)
	}
	_, err := ParseFaults([]byte(`[{"kind":"explode","on":"nowhere"},{"kind":"poison","probability":2,"lane":"air"},
		{"kind":"stuck"},{"kind":"slow","skip":-1,"number":"["}]`))
	if err == nil {
		t.Fatal("a faulty script is accepted")
	}
	for _, part := range []string{
		"fault 1", "explode", "nowhere", "fault 2", "outside 0 to 1", "air", "needs the number",
		"fault 3", "positive duration", "fault 4", "skip/times", "not a pattern",
	} {
		contains(t, err.Error(), part)
	}
	if _, err := ParseFaults([]byte(`[{"kind":"slow","duration":"1s"}]`)); err == nil {
		t.Error("a script with an unknown field is accepted")
	}
}
