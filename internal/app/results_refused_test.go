package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// A receiver answers 422 to every result. Readiness and metrics say that it takes no results, until
// it takes one.
func TestResults_EveryResultGets422_ReadinessAndMetricsSaySo(t *testing.T) {
	t.Parallel()
	var well atomic.Bool
	erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if !well.Load() {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	}))
	t.Cleanup(erp.Close)
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		c.Results.Webhooks = []config.Webhook{{Name: "erp", URL: erp.URL, SecretFile: config.Files{secretFile(t, hookSecret)},
			AllowPrivate: true, AllowPlain: true}}
	})
	refuse := func(from, to int) {
		var all []ledger.Refusal
		for n := from; n < to; n++ {
			file := strconv.Itoa(n) + ".xml"
			all = append(all, ledger.Refusal{ID: ledger.RefusalOfFile(file), File: file, Tenant: sample.NIP(0),
				Faults: []ledger.RefusalFault{{Rule: "must be XML"}}})
		}
		if err := p.base.Ledger.Refuse(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	refuse(0, 20)
	addr, _ := p.workAt()
	says := func(metric, ready string, want bool) {
		t.Helper()
		until(t, 20*time.Second, metric, func() bool {
			return strings.Contains(page(t, addr, "/metrics"), `ksef_results_receiver_down{receiver="erp"} `+metric) &&
				strings.Contains(page(t, addr, "/readyz"), ready) == want
		})
	}
	says("1", "erp takes no results since ", true)
	well.Store(true)
	refuse(20, 21)
	says("0", "erp takes no results", false)
}
