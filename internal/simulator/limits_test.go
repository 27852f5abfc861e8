package simulator

import (
	mathrand "math/rand/v2"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestLimiter_AgreesWithBruteForce lets requests come at random and counts every window anew for each of them.
func TestLimiter_AgreesWithBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLimiter(Production, 1)
		l.table[groupSend] = []window{{"second", time.Second, 3}, {"minute", time.Minute, 7}, {"hour", time.Hour, 12}}
		now := noon
		var admitted []time.Time
		steps := rapid.SliceOfN(rapid.SampledFrom([]time.Duration{0, time.Millisecond, 333 * time.Millisecond, time.Second, 10 * time.Second, time.Minute, 20 * time.Minute}), 1, 80).Draw(t, "steps")
		for i, step := range steps {
			now = now.Add(step)
			fits := true
			for _, w := range l.table[groupSend] {
				n := 0
				for _, at := range admitted {
					if at.After(now.Add(-w.span)) {
						n++
					}
				}
				fits = fits && n < w.limit
			}
			blocked := now.Before(l.track("a", groupSend).blockedUntil)
			_, refused := l.arrive("a", groupSend, func() time.Time { return now })
			if refused != (!fits || blocked) {
				t.Fatalf("request %d: refused %v, fits %v, blocked %v", i, refused, fits, blocked)
			}
			if !refused {
				admitted = append(admitted, now)
			}
		}
	})
}

// TestLimiter_RetryAfter_IsEnoughAndNotTooMuch: the first block ends at the very instant at which every window, counted
// anew, has room again.
func TestLimiter_RetryAfter_IsEnoughAndNotTooMuch(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(1, 2))
	for range 200 {
		l := newLimiter(Production, 1)
		now := noon
		clock := func() time.Time { return now }
		var admitted []time.Time
		fits := func(at time.Time) bool {
			for _, w := range l.table[groupBatch] {
				n := 0
				for _, a := range admitted {
					if a.After(at.Add(-w.span)) {
						n++
					}
				}
				if n >= w.limit {
					return false
				}
			}
			return true
		}
		pace := time.Duration(random.Int64N(int64(time.Minute))) + 1 // below the hour's allowance nobody would ever be refused
		for {
			now = now.Add(time.Duration(random.Int64N(int64(pace))))
			wait, refused := l.arrive("a", groupBatch, clock)
			if !refused {
				admitted = append(admitted, now)
				continue
			}
			if fits(now.Add(wait-1)) || !fits(now.Add(wait)) {
				t.Fatalf("told to wait %v", wait)
			}
			if _, other := l.arrive("b", groupBatch, clock); other {
				t.Fatal("another account is refused")
			}
			now = now.Add(wait)
			if _, again := l.arrive("a", groupBatch, clock); again {
				t.Fatal("refused after Retry-After")
			}
			break
		}
	}
}

func TestLimits_EachGroup_HasTheTablesWindows(t *testing.T) {
	for group, want := range map[string][3]int{
		"onlineSession": {10, 30, 120}, "onlineSessionClose": {20, 60, 240}, "invoiceSend": {10, 30, 180}, "batchSession": {10, 20, 60},
		"batchSessionClose": {20, 40, 120}, "invoiceStatus": {30, 120, 1200}, "sessionInvoiceList": {10, 20, 200}, "sessionMisc": {10, 120, 1200},
		"invoiceDownload": {8, 16, 64}, "invoiceMetadata": {8, 16, 20}, "invoiceExport": {8, 16, 20}, "invoiceExportStatus": {10, 60, 600},
		"sessionList": {5, 10, 60}, "other:publicKey": {10, 30, 120},
	} {
		for i, gap := range []time.Duration{0, 60 * time.Second / time.Duration(want[1]+1), 3600 * time.Second / time.Duration(want[2]+1)} {
			l := newLimiter(Production, 1)
			now, n := noon, 0
			for ; n < 5000; n++ {
				if _, refused := l.arrive("a", group, func() time.Time { return now }); refused {
					break
				}
				now = now.Add(gap)
			}
			if n != want[i] {
				t.Errorf("%s: %d requests pass in the %s window", group, n, l.windows(allowance{1, 1, 1})[i].name)
			}
			if v := l.violations[0]; v.Group != group || v.Count != want[i]+1 || v.Window != l.others[i].name {
				t.Errorf("%s: %+v", group, v)
			}
		}
	}
}

func TestLimits_RepeatedExcess_LengthensTheBlock(t *testing.T) {
	l := newLimiter(Production, 1)
	now := noon
	clock := func() time.Time { return now }
	fill := func() time.Duration {
		for {
			if wait, refused := l.arrive("a", groupOnline, clock); refused {
				return wait
			}
		}
	}
	var waits []time.Duration
	for range 3 {
		wait := fill()
		waits = append(waits, wait)
		now = now.Add(wait)
	}
	if waits[0] != time.Second || waits[1] != 2*time.Second || waits[2] < 4*time.Second {
		t.Errorf("blocks %v", waits)
	}
	wait := fill()
	if again, _ := l.arrive("a", groupOnline, clock); again != wait {
		t.Errorf("a request that was on its way lengthened %v to %v", wait, again)
	}
	now = now.Add(2 * time.Second)
	if again, refused := l.arrive("a", groupOnline, clock); !refused || again <= wait {
		t.Errorf("a request during the block did not lengthen %v: %v", wait, again)
	}
	if _, refused := l.arrive("a", groupSend, clock); refused {
		t.Error("another group is blocked too")
	}
	now = now.Add(10 * time.Hour)
	if wait := fill(); wait != time.Second {
		t.Errorf("hours later the old strikes still count: %v", wait)
	}
}

func TestLimits_Scale_ShortensWindows(t *testing.T) {
	l := newLimiter(Production, 60)
	now := noon
	clock := func() time.Time { return now }
	for i := range 180 { // an hour's sends in a minute
		if wait, refused := l.arrive("a", groupSend, clock); refused {
			t.Fatalf("request %d: wait %v", i, wait)
		}
		now = now.Add(time.Minute / 180)
	}
}

func TestLimits_OverHTTP_429WithRetryAfterAndAViolation(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Profile = Production })
	for i := range 10 {
		r.ok(r.get("/invoice/public/key"), nil)
		if i == 9 {
			break
		}
	}
	a := r.get("/invoice/public/key")
	if code, _ := a.apiError(); a.status != 429 || code != 429 || a.header.Get("Retry-After") != "1" {
		t.Fatalf("answer %d %s %v", a.status, a.body, a.header)
	}
	r.clock.add(time.Second)
	r.ok(r.get("/invoice/public/key"), nil)
	books := r.sim.Books()
	if len(books.Violations) != 1 || books.Requests["other:publicKey"] != 12 || books.Accounts["test_id"]["other:publicKey"] != 12 {
		t.Errorf("books %+v %+v", books.Violations, books.Requests)
	}
	if v := books.Violations[0]; v.Account != "test_id" || v.Window != "second" || v.Count != 11 {
		t.Errorf("violation %+v", v)
	}
}

func TestLimits_PartsAreNotCounted_ClosesCountByLane(t *testing.T) {
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
	if len(books.Violations) != 0 || books.Requests[groupBatchClose] != 1 || books.Requests[groupOnlineClose] != 1 {
		t.Errorf("books %+v %+v", books.Requests, books.Violations)
	}
}

// The register is the scarcest of all: 20 pages an hour, whatever the minute leaves.
func TestLimits_RegisterAndExports_CountInGroupsOfTheirOwn(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Profile = Production })
	day := m{"from": "2026-11-23T00:00:00Z", "to": "2026-11-24T00:00:00Z"}
	page := m{"subjectType": "Subject1", "range": day, "pageOffset": 0, "pageSize": 250, "sortAsc": true}
	for range 20 {
		r.ok(r.post("/invoice/metadata", page), nil)
		r.clock.add(10 * time.Second)
	}
	if a := r.post("/invoice/metadata", page); a.status != http.StatusTooManyRequests {
		t.Errorf("page 21 of the hour: %d", a.status)
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
			t.Errorf("%s: %d requests, want %d", group, books.Requests[group], want)
		}
	}
	if len(books.Violations) != 1 || books.Violations[0].Group != "invoiceMetadata" || books.Violations[0].Window != "hour" {
		t.Errorf("violations %+v", books.Violations)
	}
}

func TestLimits_Unlimited_CountsAndNeverRefuses(t *testing.T) {
	r := newRig(t)
	for range 300 {
		r.ok(r.get("/invoice/public/key"), nil)
	}
	if b := r.sim.Books(); b.Requests["other:publicKey"] != 300 || len(b.Violations) != 0 {
		t.Errorf("books %v", b.Requests)
	}
}
