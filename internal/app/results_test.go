package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
	"ksefworker/internal/results/resulttest"
	"ksefworker/internal/sample"
)

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// receiver is an ERP's webhook. It checks every signature with the library of Standard Webhooks,
// and every document against the schema.
type receiver struct {
	t      *testing.T
	schema *resulttest.Schema

	mu  sync.Mutex
	got []results.Result
}

func newReceiver(t *testing.T) (*receiver, *httptest.Server) {
	t.Helper()
	r := &receiver{t: t, schema: resulttest.Read(t, "../../docs/result.schema.json")}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	return r, s
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Error(err)
	}
	check, err := standardwebhooks.NewWebhook(hookSecret)
	if err != nil {
		r.t.Error(err)
	}
	if err := check.Verify(body, req.Header); err != nil {
		r.t.Errorf("a call has a wrong signature: %v", err)
	}
	var one results.Result
	if err := json.Unmarshal(body, &one); err != nil {
		r.t.Error(err)
	}
	r.schema.Check(r.t, "the webhook", body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, one)
}

// states returns the states of an invoice in the order in which the receiver was told them. A state
// that was told several times in a row is returned once. states checks that no revision is lower
// than the one before it.
func (r *receiver) states(id string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var states []string
	last := int64(0)
	for _, one := range r.got {
		if one.ID != id {
			continue
		}
		if one.Revision < last {
			r.t.Errorf("%s: revision %d came after %d", id, one.Revision, last)
		}
		last = one.Revision
		states = append(states, one.State)
	}
	return strings.Join(slices.Compact(states), " ")
}

func secretFile(t *testing.T, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	writeFile(t, path, secret+"\n")
	return path
}

func TestResults_WholeWay_EveryReceiverIsToldOfEveryOutcome(t *testing.T) {
	t.Parallel()
	hook, server := newReceiver(t)
	folder := t.TempDir()
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		c.Results.Webhooks = []config.Webhook{{Name: "erp", URL: server.URL, SecretFile: config.Files{secretFile(t, hookSecret)},
			AllowPrivate: true, AllowPlain: true}}
		c.Results.Stream.Enabled = true
		c.Results.Folder.Path = folder
	})
	nip := sample.NIP(0)
	refused := ledger.Refusal{
		ID: ledger.RefusalOfFile("x.xml"), Tenant: nip, File: "x.xml",
		Faults: []ledger.RefusalFault{{Rule: "must be XML"}},
	}
	if err := p.base.Ledger.Refuse(t.Context(), []ledger.Refusal{refused}); err != nil {
		t.Fatal(err)
	}
	// A result of 1970, which an earlier pool has left, is removed because of its age, although the
	// stream is not full.
	old := &redis.XAddArgs{Stream: "ksef:results", ID: "1-1", Values: []any{"id", "old"}}
	if err := p.base.Redis.XAdd(t.Context(), old).Err(); err != nil {
		t.Fatal(err)
	}
	stop := p.work()
	good := append(p.admit(intake.Terms{Lane: ledger.Express}, numbered(nip, "E", 2)...),
		p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(nip, "B", 6)...)...)
	rejected := p.admit(intake.Terms{Lane: ledger.Bulk}, bad(nip, sample.UnknownKind, "R/1"))[0]
	p.wait(90*time.Second, append(good, rejected), ledger.Receipted, ledger.Rejected)
	want := map[string]string{rejected.Invoice.ID: "rejected", refused.ID: "refused"}
	for _, a := range good {
		want[a.Invoice.ID] = "accepted receipted"
	}
	told := func(states func(string) string) func() bool {
		return func() bool {
			for id, w := range want {
				if states(id) != w {
					return false
				}
			}
			return true
		}
	}
	until(t, 30*time.Second, "the webhook was told of every outcome", told(hook.states))
	inStream := func(id string) string {
		var states []string
		for _, m := range p.base.Redis.XRange(t.Context(), "ksef:results", "-", "+").Val() {
			if m.Values["id"] == id {
				states = append(states, m.Values["state"].(string))
			}
		}
		return strings.Join(states, " ")
	}
	until(t, 30*time.Second, "the stream has every outcome", told(inStream))
	all := p.base.Redis.XRange(t.Context(), "ksef:results", "-", "+").Val()
	if all[0].ID == "1-1" {
		t.Error("a result of 1970 is still in the stream")
	}
	for _, m := range all {
		hook.schema.Check(t, "the stream", []byte(fmt.Sprint(m.Values["result"])))
	}
	inFolder := func(id string) string {
		raw, err := os.ReadFile(filepath.Join(folder, id+".json"))
		var r results.Result
		if err != nil || json.Unmarshal(raw, &r) != nil {
			return ""
		}
		if r.State == "receipted" {
			return "accepted receipted"
		}
		return r.State
	}
	until(t, 30*time.Second, "the folder has every outcome", told(inFolder))
	for id := range want {
		raw, err := os.ReadFile(filepath.Join(folder, id+".json"))
		if err != nil {
			t.Fatal(err)
		}
		hook.schema.Check(t, "the folder", raw)
	}
	hook.mu.Lock()
	for _, r := range hook.got {
		if r.State == "accepted" && (r.KsefNumber == "" || r.Gross == "" || r.Currency != "PLN" || r.QRLink == "") {
			t.Errorf("an accepted invoice was told as %+v, want its KSeF number, an amount in PLN and its link", r)
		}
	}
	hook.mu.Unlock()
	stop()
	groups := p.base.Redis
	if err := groups.XGroupCreate(t.Context(), "ksef:results", "erp", "0").Err(); err != nil {
		t.Fatal(err)
	}
	read, err := groups.XReadGroup(t.Context(), &redis.XReadGroupArgs{
		Group: "erp", Consumer: "one", Streams: []string{"ksef:results", ">"}, Count: 1,
	}).Result()
	if err != nil || len(read) != 1 || len(read[0].Messages) != 1 {
		t.Errorf("a consumer group read %v, %v, want one message of the stream", read, err)
	}
	for _, name := range p.cfg.Results.Sinks() {
		s, err := p.base.Ledger.Sink(t.Context(), name)
		if held, failed, _ := p.base.Ledger.SinkCounts(t.Context(), name); err != nil || s.Lost != 0 || held != 0 || failed != 0 ||
			s.Err != "" {
			t.Errorf("the receiver %s is %+v (error %v) with %d held and %d failed results, want none lost, held or failed",
				name, s, err, held, failed)
		}
	}
}

func TestResults_OneReceiverHangs_OthersAreToldAtOnce(t *testing.T) {
	t.Parallel()
	hook, server := newReceiver(t)
	called, release := make(chan struct{}), make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case called <- struct{}{}:
		default:
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(hangs.Close)
	t.Cleanup(func() { close(release) })
	secret := config.Files{secretFile(t, hookSecret)}
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		for name, url := range map[string]string{"hangs": hangs.URL, "erp": server.URL} {
			c.Results.Webhooks = append(c.Results.Webhooks, config.Webhook{Name: name, URL: url, SecretFile: secret,
				AllowPrivate: true, AllowPlain: true, Timeout: time.Minute})
		}
	})
	refuse := func(file string) string {
		r := ledger.Refusal{
			ID: ledger.RefusalOfFile(file), File: file, Tenant: sample.NIP(0),
			Faults: []ledger.RefusalFault{{Rule: "must be XML"}},
		}
		if err := p.base.Ledger.Refuse(t.Context(), []ledger.Refusal{r}); err != nil {
			t.Fatal(err)
		}
		return r.ID
	}
	first := refuse("a.xml")
	addr, _ := p.workAt()
	<-called
	second := refuse("b.xml")
	until(t, 20*time.Second, "the other receiver was told of both refusals", func() bool {
		return hook.states(first) == "refused" && hook.states(second) == "refused"
	})
	metrics := page(t, addr, "/metrics")
	for _, line := range []string{`ksef_results_waiting{receiver="erp"} 0`, `ksef_results_receiver_down{receiver="hangs"} 0`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("/metrics lacks %s", line)
		}
	}
}
