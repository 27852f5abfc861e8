package app

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/ksef/direct"
	"ksefworker/internal/ratelimit"
)

const toldNIP = "5265877635"

type fixedToken struct{}

func (fixedToken) Access(context.Context) (direct.Secret, error) { return direct.NewSecret("t"), nil }
func (fixedToken) Refused(direct.Secret)                         {}
func (fixedToken) Denied(direct.Secret)                          {}

// limitsOf starts a server in place of KSeF. The server gets its replies from the function answer,
// but it always gives 500 as the number of invoices in a batch session. limitsOf returns toldLimits
// that ask this server, the limiter whose tables they set, and a function that moves their clock
// forward.
func limitsOf(t *testing.T, answer func() (int, string)) (*toldLimits, *ratelimit.Limiter, func(time.Duration)) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body := answer()
		if r.URL.Path == "/v2/limits/context" {
			body = `{"batchSession":{"maxInvoices":500}}`
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	api, err := direct.New(direct.Options{BaseURL: srv.URL + "/v2"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.CloseIdleConnections)
	cfg := config.Default()
	cfg.Tenants = []config.Tenant{{
		NIP: toldNIP, Transport: config.DirectTransport,
		Limits: config.Groups{InvoiceSend: config.Rates{PerHour: 100}},
	}}
	l, err := ratelimit.New(ratelimit.NewMemory(nil), ratelimit.Options{Defaults: map[string]ratelimit.Limits{
		ratelimit.GroupOther: {{Limit: 1, Per: time.Second}}, "invoiceSend": {{Limit: 1, Per: time.Second}},
		"batchSession": {{Limit: 1, Per: time.Second}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	at := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	now := func() time.Time { mu.Lock(); defer mu.Unlock(); return at }
	told := newToldLimits(cfg, map[string]direct.Account{toldNIP: api.Account(fixedToken{})}, l, now, zerolog.Nop())
	return told, l, func(d time.Duration) { mu.Lock(); defer mu.Unlock(); at = at.Add(d) }
}

func TestToldLimits_AnswerOfKSeF_HoldsUnlessTheConfigurationIsStricter(t *testing.T) {
	told, l, _ := limitsOf(t, func() (int, string) {
		return 200, `{"invoiceSend":{"perSecond":50,"perMinute":-1,"perHour":900},"batchSession":{"perSecond":100,"perMinute":200,"perHour":600}}`
	})
	if d := told.describe(toldNIP); !strings.Contains(d, "has not told its own yet") {
		t.Errorf("before the first answer the description is %q, want that KSeF has not told its own limits yet", d)
	}
	if !told.begin(toldNIP) {
		t.Fatal("at the start begin returned false, want that KSeF is asked about the tenant")
	}
	told.ask(t.Context(), toldNIP)
	if got := l.Limits(toldNIP, "invoiceSend"); len(got) != 2 || got[0].Limit != 50 || got[1].Limit != 100 {
		t.Errorf("the limits of invoiceSend are %v, want 50 a second and 100 a minute", got)
	}
	if got := l.Limits(toldNIP, "batchSession"); got[2].Limit != 600 {
		t.Errorf("the limits of batchSession are %v, want 600 an hour", got)
	}
	if d := told.describe(toldNIP); !strings.Contains(d, "stricter: invoiceSend") {
		t.Errorf("the description is %q, want that the configuration is stricter for invoiceSend", d)
	}
	tenant := told.cfg.Tenants[0]
	if n := told.sessionInvoices(tenant); n != 500 {
		t.Errorf("a session takes %d invoices, want 500 as KSeF says", n)
	}
	tenant.MaxSessionInvoices = 300
	if n := told.sessionInvoices(tenant); n != 300 {
		t.Errorf("a session takes %d invoices, want 300 as the configuration says", n)
	}
	if told.describe("3755747347") != "" {
		t.Error("a tenant that KSeF is not asked about has a description of KSeF's limits, want none")
	}
	ch := make(chan prometheus.Metric, 100)
	told.Collect(ch)
	if n := len(ch); n != 1+len(l.Groups()) {
		t.Errorf("there are %d series, want one for the tenant and one for each group", n)
	}
}

func TestToldLimits_NoAnswer_KeepsTheLimitsAndAsksAgainAtGrowingPauses(t *testing.T) {
	told, l, pass := limitsOf(t, func() (int, string) { return 503, "" })
	before := l.Limits(toldNIP, "invoiceSend")
	asked := 0
	for range 24 * 60 {
		if told.begin(toldNIP) {
			asked++
			told.ask(t.Context(), toldNIP)
		}
		pass(time.Minute)
	}
	if asked < 20 || asked > 35 {
		t.Errorf("KSeF gives no answer and was asked %d times in a day, want 20 to 35 times", asked)
	}
	if after := l.Limits(toldNIP, "invoiceSend"); len(after) != len(before) || after[0] != before[0] {
		t.Errorf("without an answer of KSeF the limits %v became %v, want no change", before, after)
	}
}

func TestToldLimits_Many429s_AsksAgainAFewTimesOnly(t *testing.T) {
	told, _, pass := limitsOf(t, func() (int, string) { return 200, `{"invoiceSend":{"perSecond":1,"perMinute":1,"perHour":1}}` })
	if !told.begin(toldNIP) {
		t.Fatal("at the start begin returned false, want that KSeF is asked about the tenant")
	}
	told.ask(t.Context(), toldNIP)
	asked := 0
	for range 60 {
		told.throttled(toldNIP)
		told.throttled("another")
		if told.begin(toldNIP) {
			asked++
			told.ask(t.Context(), toldNIP)
		}
		pass(time.Minute)
	}
	if asked < 5 || asked > 6 {
		t.Errorf("KSeF was asked %d times in an hour with a 429 each minute, want 5 or 6 times", asked)
	}
	pass(limitsAfter429) // the last 429 leads to one more question
	if told.begin(toldNIP) {
		told.ask(t.Context(), toldNIP)
	}
	for range 23 {
		pass(time.Hour)
		if told.begin(toldNIP) {
			t.Fatal("KSeF is asked again within a day, although no 429 came")
		}
	}
	pass(2 * time.Hour)
	if !told.begin(toldNIP) {
		t.Error("after a day KSeF is not asked again")
	}
}

func TestExpiries_CertificateNearItsEnd_IsToldDailyAndThenHourly(t *testing.T) {
	for _, c := range []struct {
		left, since time.Duration
		want        bool
	}{
		{31 * 24 * time.Hour, 1000 * time.Hour, false},
		{29 * 24 * time.Hour, 1000 * time.Hour, true}, {29 * 24 * time.Hour, 23 * time.Hour, false},
		{4 * 24 * time.Hour, 24 * time.Hour, true},
		{71 * time.Hour, 59 * time.Minute, false}, {71 * time.Hour, time.Hour, true}, {-time.Hour, time.Hour, true},
	} {
		if got := expiryDue(c.left, c.since); got != c.want {
			t.Errorf("%v left, logged %v ago: due is %v, want %v", c.left, c.since, got, c.want)
		}
	}
}

func TestHosts_EachTenantHasItsOwn(t *testing.T) {
	cfg := config.Config{Environment: config.Custom, Gateway: config.Gateway{URL: "http://gw:1"},
		Direct:  config.Direct{URL: "http://ksef:2/v2"},
		Tenants: []config.Tenant{{NIP: "1"}, {NIP: "2", Transport: config.DirectTransport}, {NIP: "3"}}}
	h, err := hostsOf(cfg)
	if err != nil || h.of("1") != "gw:1" || h.of("2") != "ksef:2" || strings.Join(h.all(), " ") != "gw:1 ksef:2" {
		t.Errorf("the hosts are %v, %v, want gw:1 for the tenant 1, and ksef:2 for the tenant 2", h, err)
	}
}

func TestWarner_SameWarningAThousandTimes_IsLoggedOnceAnHour(t *testing.T) {
	var out strings.Builder
	at := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	warn := warner(zerolog.New(&out), toldNIP, func() time.Time { return at })
	for range 1000 {
		warn(t.Context(), "send invoice", "[xml-001]: invoice "+at.String())
		warn(t.Context(), "log in", "[sig-001]: podpis")
	}
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("the log has %d lines, want two", n)
	}
	at = at.Add(time.Hour)
	warn(t.Context(), "log in", "[sig-001]: podpis")
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("an hour later the log has %d lines, want three", n)
	}
}
