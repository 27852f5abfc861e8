package simulator

import (
	"net/http"
	"testing"
	"time"

	"ksefworker/internal/simulator/limits"
)

func TestLimits_Exceeded_Is429WithRetryAfterAndAViolation(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Profile = Production })
	for range 10 {
		r.ok(r.get("/invoice/public/key"), nil)
	}
	a := r.get("/invoice/public/key")
	if code, _ := a.apiError(); a.status != 429 || code != 429 || a.header.Get("Retry-After") != "1" {
		t.Fatalf("the answer is %d %s %v, want 429 with Retry-After 1", a.status, a.body, a.header)
	}
	r.clock.add(time.Second)
	r.ok(r.get("/invoice/public/key"), nil)
	books := r.sim.Books()
	if len(books.Violations) != 1 || books.Requests["other:publicKey"] != 12 || books.Accounts["test_id"]["other:publicKey"] != 12 {
		t.Errorf("the books have %+v and %+v, want one violation and 12 requests", books.Violations, books.Requests)
	}
	if v := books.Violations[0]; v.Account != "test_id" || v.Window != "second" || v.Count != 11 {
		t.Errorf("the violation is %+v, want the 11th request in a second", v)
	}
}

func TestLimits_PartsAndCloses_PartsAreNotCountedAndClosesCountByLane(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Profile = Production })
	archive := zipOf(t, faXML(sellerA, "FV/1", today))
	b := r.pack(archive, 50).begin()
	for range 3 {
		b.uploadAll()
	}
	b.close()
	r.clock.add(time.Minute)
	r.openOnline().close()
	r.clock.add(time.Minute)
	for i := range 12 {
		r.clock.add(time.Minute)
		if s := r.status(b.id).Status.Code; s >= 200 && i > 10 {
			break
		}
	}
	books := r.sim.Books()
	if len(books.Violations) != 0 || books.Requests[limits.BatchSessionClose] != 1 || books.Requests[limits.OnlineSessionClose] != 1 {
		t.Errorf("the books have %+v and %+v, want one close of each lane and no violation", books.Requests, books.Violations)
	}
}

// The register has a low limit for an hour, 20 pages. A client that keeps only to the limit for a
// minute exceeds the limit for an hour.
func TestLimits_RegisterAndExports_HaveGroupsOfTheirOwn(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Profile = Production })
	day := theDay()
	page := m{"subjectType": "Subject1", "range": day, "pageOffset": 0, "pageSize": 250, "sortAsc": true}
	for range 20 {
		r.ok(r.post("/invoice/metadata", page), nil)
		r.clock.add(10 * time.Second)
	}
	if a := r.post("/invoice/metadata", page); a.status != http.StatusTooManyRequests {
		t.Errorf("page 21 of an hour is answered with %d, want 429", a.status)
	}
	var q struct {
		ID string `json:"queryId"`
	}
	r.ok(r.post("/invoice/query/start", m{"encryptionInfo": r.secret().info(), "subjectType": "Subject1", "range": day}), &q)
	for range 2 {
		r.ok(r.get("/invoice/query/status/"+q.ID), nil)
	}
	r.get("/invoice/query/result/" + q.ID + "/1")
	books := r.sim.Books()
	for group, want := range map[string]int{"invoiceMetadata": 21, "invoiceExport": 1, "invoiceExportStatus": 2, "other:queryResult": 1} {
		if books.Requests[group] != want {
			t.Errorf("the books count %[2]d requests of group %[1]s, want %[3]d", group, books.Requests[group], want)
		}
	}
	if len(books.Violations) != 1 || books.Violations[0].Group != "invoiceMetadata" || books.Violations[0].Window != "hour" {
		t.Errorf("the violations are %+v, want one: too many pages of the register in an hour", books.Violations)
	}
}

func TestLimits_Unlimited_CountsAndNeverRefuses(t *testing.T) {
	r := newRig(t)
	for range 300 {
		r.ok(r.get("/invoice/public/key"), nil)
	}
	if b := r.sim.Books(); b.Requests["other:publicKey"] != 300 || len(b.Violations) != 0 {
		t.Errorf("the books count %v, want 300 requests and no violation", b.Requests)
	}
}
