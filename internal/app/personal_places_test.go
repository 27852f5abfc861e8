package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// placesOfWords are the places in Redis where somebody's words about an invoice, or the names of
// invoices, could end up. The field proof is a text that shows that the test has put something
// there. The field open says that the place holds the words in clear text when there is no storage
// key.
var placesOfWords = []struct {
	what, keys, proof string
	open              bool
}{
	{"outcomes in the outbox", `^ksef:outbox$`, "reason", true},
	{"a delivery that is held", `^ksef:sinkheld:erp$`, "attempts", true},
	{"the time of the next try of a held delivery", `^ksef:sinkdue:erp$`, "inv-", false},
	{"what the receiver said last", `^ksef:sink:erp$`, "err", true},
	{"a delivery that was given up", `^ksef:sinkfailed:erp$`, "inv-given-up", true},
	{"the names of deliveries that were given up", `^ksef:sinkgaveup:erp$`, "inv-given-up", false},
	{"a refusal", `^ksef:refused:`, "ref-", true},
	{"the time of a refusal", `^ksef:refusals:`, "ref-", false},
	{"a rejected invoice", `^ksef:inv:`, "rejected", true},
	{"the index of rejected invoices", `^ksef:st:rejected$`, "inv-", false},
	{"the deadlines", `^ksef:due$`, "inv-", false},
	{"a failed task", `^asynq:.*:t:`, ksef.DetailsInLog, false},
	{"tasks that are tried again", `^asynq:.*:(retry|scheduled)$`, "", false},
	{"tasks that a person archived", `^asynq:.*:archived$`, "", false},
	{"everything that was written", regexp.QuoteMeta(appendOnly), "HSET", true},
}

// KSeF quotes the invoice in a rejection and in the answer to a failed request. The ERP quotes the
// invoice when the ERP does not take the result. With a storage key none of these words is in clear
// text in any place of Redis. Without a storage key, the same run finds the words, which shows that
// the search would see them. The keys of asynq must not hold the words in either run.
func TestPersonalData_WordsOfOthersInEveryPlace_AreReadableOnlyWithoutAStorageKey(t *testing.T) {
	t.Parallel()
	for _, sealed := range []bool{true, false} {
		t.Run(map[bool]string{true: "with a key", false: "without a key"}[sealed], func(t *testing.T) {
			contents := wordsEverywhere(t, sealed)
			found := plantedIn(contents)
			for _, place := range placesOfWords {
				seen, clear := false, false
				for key, content := range contents {
					if regexp.MustCompile(place.keys).MatchString(key) && strings.Contains(content, place.proof) {
						seen, clear = true, clear || len(found[key]) > 0
					}
				}
				if !seen {
					t.Errorf("%s: nothing is there, so this test proves nothing about it", place.what)
				}
				if place.open && !sealed && !clear {
					t.Errorf("%s: without a key the words are not found, so the search does not see them", place.what)
				}
			}
			for key, words := range found {
				if sealed || strings.HasPrefix(key, "asynq:") {
					t.Errorf("%s holds %q in clear text", key, words)
				}
			}
		})
	}
}

// wordsEverywhere lets KSeF, a person's file and the ERP's webhook quote the buyer wherever they
// can, and returns what Redis holds afterwards.
func wordsEverywhere(t *testing.T, sealed bool) map[string]string {
	quoted := planted[0] + " " + planted[1]
	erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		http.Error(w, "cannot book "+quoted, http.StatusBadRequest)
	}))
	t.Cleanup(erp.Close)
	var fails atomic.Bool
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		c.Packages.MaxWait, c.Packages.ExpressBelow = time.Second, 0
		if sealed {
			key := filepath.Join(t.TempDir(), "storage")
			writeFile(t, key, strings.Repeat("\a", 32))
			c.Storage.KeyFile = config.Files{key}
		}
		c.Results.Webhooks = []config.Webhook{{Name: "erp", URL: erp.URL, SecretFile: config.Files{secretFile(t, hookSecret)},
			AllowPrivate: true, AllowPlain: true}}
		c.Gateway.URL = quotingGateway(t, c.Gateway.URL, &fails, quoted)
	})
	nip, ctx := sample.NIP(0), t.Context()
	refusal := ledger.Refusal{ID: ledger.RefusalOfFile("refused.xml"), File: planted[0] + ".xml", Number: "REF/1",
		Faults: []ledger.RefusalFault{{Field: "Fa/P_15", Rule: "must be an amount", Value: planted[2]}}}
	if err := p.base.Ledger.Refuse(ctx, []ledger.Refusal{refusal}); err != nil {
		t.Fatal(err)
	}
	stop := p.work()
	wrong := document(sample.Options{SellerNIP: nip, Number: "BAD/1", Seed: 4})
	wrong.Data = []byte(strings.Replace(string(plant(t, wrong.Data)), "<P_15>"+planted[1]+"<", "<P_15>"+planted[2]+"<", 1))
	rejected := p.admit(intake.Terms{Lane: ledger.Bulk}, wrong)
	p.wait(60*time.Second, rejected, ledger.Rejected)
	until(t, 30*time.Second, "the ERP refuses the result", func() bool {
		held, _, err := p.base.Ledger.NotTaken(ctx, "erp", []string{rejected[0].Invoice.ID})
		return err == nil && len(held) == 1
	})
	fails.Store(true)
	p.admit(intake.Terms{Lane: ledger.Express}, good(nip, 2)...)
	inspector := asynq.NewInspectorFromRedisClient(p.base.Asynq)
	until(t, 30*time.Second, "two tasks have failed", func() bool { return len(failedTasks(t, inspector)) >= 2 })
	stop()
	one := failedTasks(t, inspector)[0]
	if err := inspector.ArchiveTask(one.Queue, one.ID); err != nil {
		t.Fatal(err)
	}
	gaveUp := ledger.SinkChange{Fail: []ledger.Held{{Outcome: ledger.Outcome{ID: "inv-given-up", Rev: 3}, Err: "answered 400: " + quoted}}}
	if ok, err := p.base.Ledger.ChangeSink(ctx, "erp", gaveUp); !ok || err != nil {
		t.Fatalf("ChangeSink returned %v and the error %v, want that it records a delivery that was given up", ok, err)
	}
	return p.contentsOfRedis()
}

// quotingGateway starts a proxy before the gateway, and returns its address. While fails is true,
// the proxy refuses every POST with an answer that contains the text quoted.
func quotingGateway(t *testing.T, gateway string, fails *atomic.Bool, quoted string) string {
	t.Helper()
	target, err := url.Parse(gateway)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || !fails.Load() {
			proxy.ServeHTTP(w, r)
			return
		}
		answer := quotingAnswers[0]
		w.Header().Set("Content-Type", answer.kind)
		w.WriteHeader(answer.status)
		_, _ = fmt.Fprintf(w, answer.body, quoted)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// failedTasks lists the tasks that failed and are tried again.
func failedTasks(t *testing.T, inspector *asynq.Inspector) []*asynq.TaskInfo {
	t.Helper()
	queues, err := inspector.Queues()
	if err != nil {
		t.Fatal(err)
	}
	var failed []*asynq.TaskInfo
	for _, q := range queues {
		for _, list := range []func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error){
			inspector.ListRetryTasks, inspector.ListScheduledTasks,
		} {
			tasks, err := list(q)
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range tasks {
				if strings.Contains(task.LastErr, ksef.DetailsInLog) {
					failed = append(failed, task)
				}
			}
		}
	}
	return failed
}
