package httpintake

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"ksefworker/internal/actions"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// swapped starts a second server on the same Redis, as another process would. In its configuration
// the two tenants have each other's NIP.
func (b *bench) swapped(change func(*Options)) *bench {
	b.t.Helper()
	return newBench(b.t, func(o *Options) {
		l := ledger.New(b.rdb, ledger.Options{Outbox: 10_000})
		admitter := b.o.Admitter.Only([]string{"one", "two"})
		admitter.Ledger = l
		admitter.Accounts = []intake.Account{{Name: "one", NIP: sample.NIP(1)}, {Name: "two", NIP: sample.NIP(0)}}
		reader := &inquiry.Reader{Ledger: l, Environment: "test"}
		o.Admitter, o.Ledger, o.Inquiry, o.Records = admitter, l, reader, b.o.Records
		o.Actions = &actions.Executor{Ledger: l, Queue: admitter.Queue, Inquiry: reader}
		o.Document = b.document
		if change != nil {
			change(o)
		}
	})
}

// Two servers give the same name to different taxpayers. After one server has taken an invoice in
// under the name, the other server shows nothing of the tenant with this name.
func TestStranger_NameMeansAnotherTaxpayer_NothingOfItIsShown(t *testing.T) {
	b := newBench(t, nil)
	wrong := b.swapped(nil)
	if a := wrong.call("GET", "/v1/invoices", nil); a.status != http.StatusOK || len(a.body.Items) != 0 {
		t.Fatalf("before any invoice, the list is %d %s, want 200 and no invoice", a.status, a.raw)
	}
	id := b.take(0, "FV/1", "?ref=SO-1")
	bad := strings.Replace(string(xmlOf(0, "FV/2")), "<P_1>", "<P_1>x", 1)
	refused := b.post([]byte(bad), "").body.Items[0].ID
	for _, path := range []string{"/v1/invoices", "/v1/invoices?ref=SO-1", "/v1/invoices?number=FV/1", "/v1/invoices?tenant=one"} {
		b.want(b.call("GET", path, nil), http.StatusOK, "")
		a := wrong.call("GET", path, nil)
		if b.want(a, http.StatusServiceUnavailable, "unavailable"); a.head.Get("Retry-After") != "60" {
			t.Errorf("%s: the answer has the head %v, want Retry-After: 60", path, a.head)
		}
	}
	for _, path := range []string{id, id + "/xml", id + "/upo", id + "/qr.png", id + "/pdf", refused} {
		wrong.want(wrong.call("GET", "/v1/invoices/"+path, nil), http.StatusNotFound, "not-found")
	}
	for _, path := range []string{id + ":dismiss", refused + ":dismiss", id + ":retry"} {
		wrong.want(wrong.call("POST", "/v1/invoices/"+path, nil), http.StatusNotFound, "not-found")
	}
	// Nobody has taken an invoice in under the name of tenant two, so this tenant is served.
	wrong.want(wrong.call("GET", "/v1/invoices", nil, "Authorization", "Bearer "+keyTwo), http.StatusOK, "")
}

// A cursor past the hidden outcomes would make the client miss these outcomes when it calls the
// server whose configuration is right.
func TestStranger_TwoServersWithSwappedNames_EventsHaveNoCursorWhereOutcomesAreHidden(t *testing.T) {
	b := newBench(t, nil)
	wrong := b.swapped(nil)
	cursor := wrong.call("GET", "/v1/events", nil).body.Next
	polled := make(chan answer)
	go func() { polled <- wrong.call("GET", "/v1/events?wait=1m&cursor="+cursor, nil) }()
	id := b.take(0, "FV/1", "")
	b.move(ledger.Rejected, ledger.Because(450, "x"), id)
	asked := wrong.call("GET", "/v1/events?cursor="+cursor, nil, "Accept-Language", "pl")
	for _, a := range []answer{<-polled, asked} {
		b.want(a, http.StatusServiceUnavailable, "unavailable")
		if a.body.Next != "" || a.head.Get("Retry-After") != "60" {
			t.Errorf("the tenant's name means another taxpayer, so the answer must have Retry-After: 60 and no cursor: %v %s", a.head, a.raw)
		}
	}
	if !strings.Contains(asked.body.Detail, "zachowaj kursor") {
		t.Errorf("the answer in Polish should say to keep the cursor: %s", asked.body.Detail)
	}
	if a := b.call("GET", "/v1/events?cursor="+cursor, nil); a.states(map[string]string{id: "a"}) != "a rejected" {
		t.Errorf("with the same cursor, the right server should answer with the rejected invoice: %s", a.raw)
	}
}

// The name is taken for another taxpayer while a call runs. The entries that the call has read may
// belong to that taxpayer, so the answer shows nothing of them.
func TestStranger_NameIsTakenDuringACall_ItsAnswerIsWithheld(t *testing.T) {
	b := newBench(t, nil)
	id := b.take(0, "FV/1", "")
	taken := b.rdb.HGetAll(t.Context(), "ksef:taxpayers").Val()
	b.must(b.rdb.Del(t.Context(), "ksef:taxpayers").Err())
	wrong := b.swapped(func(o *Options) {
		o.Document = func(ctx context.Context, inv *ledger.Invoice) ([]byte, error) {
			if err := b.rdb.HSet(ctx, "ksef:taxpayers", taken).Err(); err != nil {
				t.Error(err)
			}
			return b.document(ctx, inv)
		}
	})
	wrong.want(wrong.call("GET", "/v1/invoices/"+id+"/xml", nil), http.StatusServiceUnavailable, "unavailable")
	wrong.want(wrong.call("GET", "/v1/invoices/"+id+"/xml", nil), http.StatusNotFound, "not-found")
}
