package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
)

// receiver records in the ledger that a receiver of results has been out for an hour. For each
// invoice in answers, two outcomes are held and one was given up, each with what the receiver
// answered.
func (w *world) receiver(name string, answers map[string]string) {
	w.t.Helper()
	now, c := time.Now(), ledger.SinkChange{Hold: map[string][]ledger.Held{}, Next: map[string]time.Time{}}
	span, err := w.ledger.Outbox(w.t.Context())
	w.check(err)
	for id, answer := range answers {
		h := ledger.Held{Outcome: ledger.Outcome{At: span.Last, ID: id, Rev: 2, State: ledger.Rejected},
			First: ledger.At(now.Add(-time.Hour)), Attempts: 7, Err: "answered 422: " + answer}
		c.Hold[id], c.Next[id] = []ledger.Held{h, h}, now.Add(time.Hour)
		h.Rev = 1
		c.Fail = append(c.Fail, h)
	}
	c.State = &ledger.SinkState{Outage: ledger.At(now.Add(-time.Hour)), Next: ledger.At(now.Add(time.Minute)),
		Err: "answered 503: down, SECRET"}
	ok, err := w.ledger.ChangeSink(w.t.Context(), name, c)
	if w.check(err); !ok {
		w.t.Fatal("ChangeSink did not record the state of the receiver")
	}
}

func (w *world) failedOf(receiver string) string {
	w.t.Helper()
	failed, err := w.ledger.Failed(w.t.Context(), receiver, 100)
	w.check(err)
	var ids []string
	for _, h := range failed {
		ids = append(ids, h.ID)
	}
	return strings.Join(ids, " ")
}

func TestDeliveries_Operator_SeesWhatWasNotTakenAndSendsItAgain(t *testing.T) {
	w := newWorld(t, nil)
	one, two := w.take("A", sellerA, "ONE/1", ledger.Rejected, "x"), w.take("B", sellerB, "TWO/1", ledger.Rejected, "x")
	w.receiver("erp", map[string]string{one: "no such customer", two: "also not"})
	p := w.as("olga")
	_, body, _ := p.get("/deliveries")
	for _, want := range []string{"erp", "of-a", "of-b", "takes nothing", "answered 503: down, SECRET"} {
		if !strings.Contains(body, want) {
			t.Errorf("the list has no %q", want)
		}
	}
	_, body, _ = p.get("/deliveries/erp")
	for _, want := range []string{"ONE/1", "TWO/1", "answered 422: no such customer", "later results behind it: 1", "/invoices/" + one} {
		if !strings.Contains(body, want) {
			t.Errorf("the page of the receiver has no %q", want)
		}
	}
	if _, body, _ = p.get("/deliveries/erp?tenant=A"); strings.Contains(body, "TWO/1") || !strings.Contains(body, "ONE/1") {
		t.Error("the filter by tenant A shows an invoice of B, or none of A")
	}
	if status, _, _ := p.post("/deliveries/erp", url.Values{"do": {"resend"}}); status != http.StatusBadRequest {
		t.Errorf("sending again with nothing picked has status %d, want 400", status)
	}
	if status, _, h := p.post("/deliveries/erp", url.Values{"do": {"resend"}, "id": {one}}); status != http.StatusSeeOther ||
		!strings.HasSuffix(h.Get("Location"), "/deliveries/erp?done=1") || w.failedOf("erp") != two {
		t.Errorf("sending one again has status %d and leads to %s, want 303 and /deliveries/erp?done=1; still given up: %s, want %s",
			status, h.Get("Location"), w.failedOf("erp"), two)
	}
	if status, _, _ := p.post("/deliveries/erp", url.Values{"do": {"all"}}); status != http.StatusSeeOther || w.failedOf("erp") != "" {
		t.Errorf("sending all again has status %d, want 303; still given up: %s, want none", status, w.failedOf("erp"))
	}
	p.post("/deliveries/erp", url.Values{"do": {"resume"}})
	if s, err := w.ledger.Sink(t.Context(), "erp"); err != nil || s.Next != 0 {
		t.Errorf("after a resume the receiver is called again at %v (error %v), want 0, which is at once", s.Next, err)
	}
	if status, _, _ := p.post("/deliveries/erp", url.Values{"do": {"since"}, "since": {"2026-11-01"}}); status != http.StatusSeeOther {
		t.Errorf("sending all since a day again has status %d, want 303", status)
	}
	entries, _, err := w.audit.List(t.Context(), "", time.Time{}, 4)
	w.check(err)
	var record []string
	for _, e := range entries {
		record = append(record, e.Who+" "+e.What+" "+e.ID)
	}
	got := strings.Join(record, "; ")
	if want := "olga resend erp since 2026-10-31T23:00:00Z; olga call again erp; olga resend erp; olga resend erp " + one; got != want {
		t.Errorf("the audit log has\n%s\nwant\n%s", got, want)
	}
}

func TestDeliveries_OperatorOfOneTenant_SendsOnlyItsOwnAgain(t *testing.T) {
	w := newWorld(t, nil)
	one, two := w.take("A", sellerA, "ONE/1", ledger.Rejected, "x"), w.take("B", sellerB, "TWO/1", ledger.Rejected, "x")
	w.receiver("erp", map[string]string{one: "no", two: "no"})
	p := w.as("adam")
	if status, _, _ := p.post("/deliveries/erp", url.Values{"do": {"resend"}, "id": {two}}); status != http.StatusConflict {
		t.Errorf("sending another tenant's result again has status %d, want 409", status)
	}
	for _, do := range []string{"resume", "since"} {
		if status, _, _ := p.post("/deliveries/erp", url.Values{"do": {do}, "since": {"2026-11-01"}}); status != http.StatusForbidden {
			t.Errorf("%s of a receiver of all tenants has status %d, want 403", do, status)
		}
	}
	if status, _, _ := p.post("/deliveries/erp", url.Values{"do": {"all"}, "tenant": {"B"}}); status != http.StatusNotFound {
		t.Errorf("sending all results of another tenant again has status %d, want 404", status)
	}
	if status, _, _ := p.post("/deliveries/of-b", url.Values{"do": {"all"}}); status != http.StatusNotFound {
		t.Errorf("a form to a receiver of another tenant has status %d, want 404", status)
	}
	if status, _, _ := p.post("/deliveries/erp", url.Values{"do": {"all"}}); status != http.StatusSeeOther || w.failedOf("erp") != two {
		t.Errorf("sending all again has status %d, want 303; still given up: %s, want %s", status, w.failedOf("erp"), two)
	}
	if status, _, _ := p.post("/deliveries/of-a", url.Values{"do": {"resume"}}); status != http.StatusSeeOther {
		t.Errorf("resuming a receiver of tenant A alone has status %d, want 303", status)
	}
	if status, _, _ := w.as("anna").post("/deliveries/erp", url.Values{"do": {"all"}}); status != http.StatusForbidden {
		t.Errorf("a viewer sends again: status %d, want 403", status)
	}
	status, _, _ := p.post("/deliveries/erp", url.Values{"do": {"all"}}, "Sec-Fetch-Site", "cross-site")
	if status != http.StatusForbidden {
		t.Errorf("a form on another site has status %d, want 403", status)
	}
}

func TestDeliveries_AWorkerServesTheReceiver_SaysSo(t *testing.T) {
	w := newWorld(t, nil)
	w.receiver("erp", map[string]string{w.take("A", sellerA, "ONE/1", ledger.Rejected, "x"): "no"})
	if _, err := w.ledger.LeaseSink(t.Context(), "erp", "a worker", time.Minute); err != nil {
		t.Fatal(err)
	}
	status, body, _ := w.as("olga").post("/deliveries/erp", url.Values{"do": {"all"}})
	if status != http.StatusConflict || !strings.Contains(body, "busy") {
		t.Errorf("while a worker serves the receiver, the form has status %d, want 409 and a text that says so", status)
	}
}

// A receiver may take no results of some tenants, and still take results of other tenants. The page
// tells this to the people who may see the tenants.
func TestDeliveries_TenantsWhoseResultsAreNotTaken_AreToldToThoseWhoSeeThem(t *testing.T) {
	w := newWorld(t, nil)
	first := w.take("A", sellerA, "ONE/1", ledger.Rejected, "x")
	w.take("B", sellerB, "TWO/1", ledger.Rejected, "x")
	span, err := w.ledger.Outbox(t.Context())
	w.check(err)
	stands := func() *ledger.Standing {
		now := time.Now()
		return &ledger.Standing{Cursor: "0-1", Left: 4711, Held: 3, Outage: ledger.At(now), Next: ledger.At(now.Add(time.Hour))}
	}
	_, err = w.ledger.ChangeSink(t.Context(), "erp", ledger.SinkChange{State: &ledger.SinkState{Cursor: span.Last, Seen: span.Added},
		Standings: map[string]*ledger.Standing{"A": stands(), "B": stands()}})
	w.check(err)
	_, body, _ := w.as("anna").get("/deliveries/erp")
	if !strings.Contains(body, `<th scope="row">A</th>`) || strings.Contains(body, `<th scope="row">B</th>`) {
		t.Error("a viewer of A is not told of A, or is told of B")
	}
	if !strings.Contains(body, "/invoices/"+first) || strings.Contains(body, "TWO/1") {
		t.Error("the result of A that was left behind is not listed, or the result of B is")
	}
	// When the tenant that was tried last is one whose results are not taken, the receiver counts
	// as out.
	held := ledger.Held{Outcome: ledger.Outcome{At: span.Last, ID: first, Rev: 2, State: ledger.Rejected}, Attempts: 1,
		Err: "answered 503: closed for A"}
	_, err = w.ledger.ChangeSink(t.Context(), "erp", ledger.SinkChange{
		State: &ledger.SinkState{Cursor: span.Last, Seen: span.Added, Outage: ledger.At(time.Now())},
		Hold:  map[string][]ledger.Held{first: {held}}, Next: map[string]time.Time{first: time.Now().Add(time.Hour)}})
	w.check(err)
	_, body, _ = w.as("anna").get("/deliveries/erp")
	if row := rowOf(body, "A"); !strings.Contains(row, "takes nothing") || !strings.Contains(row, "answered 503: closed for A") ||
		strings.Contains(body, `<th scope="row">B</th>`) {
		t.Errorf("while the receiver is out, a viewer of A is told of B, or does not read that it takes nothing, and why: %s", row)
	}
	if _, body, _ = w.as("olga").get("/deliveries/erp"); !strings.Contains(body, `<th scope="row">B</th>`) ||
		!strings.Contains(body, "9\u202f422") {
		t.Error("an operator of all tenants is not told of B, or not how many results were left behind")
	}
}

// A receiver that refuses every result, each for a fault of its own, has no outage. But it is shown
// as if it had one.
func TestDeliveries_EveryResultIsRefusedForItself_ReceiverAndTenantTakeNothing(t *testing.T) {
	w := newWorld(t, nil)
	span, err := w.ledger.Outbox(t.Context())
	w.check(err)
	s := ledger.Streak{Count: 12, First: ledger.At(time.Now()), Out: true}
	_, err = w.ledger.ChangeSink(t.Context(), "erp", ledger.SinkChange{
		State:     &ledger.SinkState{Cursor: span.Last, Seen: span.Added, Refused: s, Err: "answered 422: all wrong"},
		Standings: map[string]*ledger.Standing{"A": {Held: 12, Refused: s}}})
	w.check(err)
	_, body, _ := w.as("olga").get("/deliveries")
	if !strings.Contains(body, "takes nothing") || !strings.Contains(body, "answered 422: all wrong") {
		t.Error("the list does not say that the receiver takes nothing, and why")
	}
	if _, body, _ = w.as("olga").get("/deliveries/erp"); !strings.Contains(rowOf(body, "A"), "takes nothing") {
		t.Errorf("the row of tenant A should say that the receiver takes nothing: %s", rowOf(body, "A"))
	}
}

// rowOf returns the row of a tenant in the page of a receiver.
func rowOf(body, tenant string) string {
	_, row, _ := strings.Cut(body, `<th scope="row">`+tenant+`</th>`)
	row, _, _ = strings.Cut(row, "</tr>")
	return row
}

// Another program overwrote a key of one receiver, and the key of a tenant's refused documents. The
// list has every receiver and claims no numbers. It names the key to a person who sees all that the
// receiver gets.
func TestDeliveries_KeyOfOneReceiverIsSick_TheOthersAreListedAndTheKeyIsNamed(t *testing.T) {
	w := newWorld(t, nil)
	one := w.take("A", sellerA, "ONE/1", ledger.Rejected, "x")
	w.receiver("of-a", map[string]string{one: "no such customer"})
	w.check(w.rdb.Set(t.Context(), "ksef:sinkgaveup:erp", "foreign", 0).Err())
	for who, named := range map[string]bool{"olga": true, "anna": false} {
		_, body, _ := w.as(who).get("/deliveries")
		if !strings.Contains(body, "of-a") || strings.Contains(body, "sinkgaveup:erp") != named || !strings.Contains(body, ">?</td>") {
			t.Errorf("%s: the list lacks the receiver of-a, has no ? in place of a number, or names the key: %v, want %v",
				who, strings.Contains(body, "sinkgaveup:erp"), named)
		}
		status, body, _ := w.as(who).get("/deliveries/erp")
		if status != http.StatusOK || strings.Contains(body, "delete the key") != named ||
			!strings.Contains(body, "until a person has restored") {
			t.Errorf("%s: the receiver's page has status %d, want 200, or does not say that results wait, or names the key: %v, want %v",
				who, status, strings.Contains(body, "delete the key"), named)
		}
	}
	why := "the key refused:A behind redis.prefix is sick"
	_, err := w.ledger.ChangeSink(t.Context(), "of-a", ledger.SinkChange{
		Standings: map[string]*ledger.Standing{"A": {Held: 1, Err: why, Sick: true, Outage: ledger.At(time.Now())}}})
	w.check(err)
	_, body, _ := w.as("anna").get("/deliveries/of-a")
	if row := rowOf(body, "A"); !strings.Contains(row, "its refused documents cannot be read") || !strings.Contains(row, why) {
		t.Errorf("the row of tenant A should say that its refused documents cannot be read, and name the key: %s", row)
	}
}
