//go:build unix

package chaos

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/simulator"
	"ksefworker/internal/testbed"
)

// A fault that is ordered alone may delay only the invoices that it concerns. When other faults are
// ordered too, nobody can say which fault caused the delay.
func TestCheckPartial_InvoiceWaitedForAnUnrelatedFault_IsReported(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		why      string
		nip      string
		wait     time.Duration
		o        Options
		reported bool
	}{
		{"an invoice of a healthy tenant waited", "b", maxWait + time.Second, Options{Partial: []string{Tenant5xx}}, true},
		{"an invoice of a healthy tenant went through", "b", time.Second, Options{Partial: []string{Tenant5xx}}, false},
		{"an invoice of the failing tenant waited", "a", time.Minute, Options{Partial: []string{Tenant5xx}}, false},
		{"an invoice waited while other faults were ordered too", "b", time.Minute, Options{Partial: []string{Tenant5xx, Missing}}, false},
	} {
		r := &run{o: c.o, export: &export{items: []*item{{nip: c.nip, kind: "VAT", number: "1", taken: now}}}}
		failing := episode{kind: Tenant5xx, nip: "a", fault: &simulator.Fault{}}
		r.episodes = []pastEpisode{{episode: failing, from: now.Add(-time.Second), to: now.Add(time.Minute)}}
		var f Figures
		errs := (&auditor{r}).checkPartial(&f, testbed.AuditBooks(simulator.Books{
			Accepted: []simulator.Accepted{{NIP: c.nip, Kind: "VAT", Number: "1", At: now.Add(c.wait)}},
		}))
		if (len(errs) != 0) != c.reported {
			t.Errorf("%s: the check reports %v, want a report: %v", c.why, errs, c.reported)
		}
	}
}

// A failing session may delay its own package and no other.
func TestCheckOneSession_AnotherPackageWaited_IsReported(t *testing.T) {
	for reported, waiting := range map[bool][]string{false: {"failing"}, true: {"failing", "healthy"}} {
		failing := episode{kind: OneSession, fault: &simulator.Fault{Kind: simulator.Status, On: "sessionStatus"}}
		r := &run{episodes: []pastEpisode{{episode: failing, waiting: waiting}}}
		if errs := (&auditor{r}).checkOneSession(); (len(errs) != 0) != reported {
			t.Errorf("the packages %v waited, and the check reports %v, want a report: %v", waiting, errs, reported)
		}
	}
	rdb, _ := redistest.New(t)
	now := time.Now()
	for id, since := range map[string]time.Time{"long": now.Add(-maxWait - time.Second), "shortly": now.Add(-time.Second)} {
		at := redis.Z{Score: float64(since.UnixMilli()), Member: id}
		if err := rdb.ZAdd(t.Context(), prefix+"pst:"+string(ledger.PackageProcessing), at).Err(); err != nil {
			t.Fatal(err)
		}
	}
	r := &run{controller: &connect.Pool{Ledger: ledger.New(rdb, ledger.Options{})}}
	if ids, err := r.overduePackages(t.Context(), now); err != nil || !slices.Equal(ids, []string{"long"}) {
		t.Errorf("the overdue packages are %v (error %v), want only \"long\", which has not moved for longer than maxWait", ids, err)
	}
}

func TestCheckPartial_WorkerWithoutItsKey_MustLogTheFile(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	r := &run{export: &export{}, extraWorkers: []extraWorker{{&supervisor{name: "keyless-1", log: log}, "/absent-key"}}}
	for text, reported := range map[string]bool{"nothing": true, "read API key: open /absent-key: no such file": false} {
		if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var f Figures
		if errs := (&auditor{r}).checkPartial(&f, testbed.Audit{}); (len(errs) != 0) != reported {
			t.Errorf("the log says %s, and the check reports %v, want a report: %v", text, errs, reported)
		}
	}
}
