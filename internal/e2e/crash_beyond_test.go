package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/archive/archivetest"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// struck waits for the blow.
func struck(t *testing.T, blow <-chan struct{}) {
	t.Helper()
	select {
	case <-blow:
	case <-time.After(60 * time.Second):
		t.Fatal("the step was never reached: this test proves nothing")
	}
}

// The worker queues the next task and is cut off, before Redis has it or after: it lives on, or it is killed.
func TestCrash_NextTaskCutOff_AcceptedExactlyOnce(t *testing.T) {
	for _, c := range []struct{ lane, task, queue string }{
		{"bulk", "package:cut", "packages"},
		{"bulk", "package:submit", "packages"},
		{"bulk", "package:confirm", "confirm"},
		{"bulk", "package:receipt", "receipts"},
		{"express", "invoice:send", "express"},
		{"express", "package:confirm", "confirm"},
	} {
		for _, when := range []moment{before, during} {
			for _, fate := range []string{"lives", "killed"} {
				t.Run(fmt.Sprintf("%s/%s/%s/%s", c.lane, c.task, when, fate), func(t *testing.T) {
					t.Parallel()
					s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 200 * time.Millisecond})
					sprung := make(chan struct{})
					victim := make(chan *proc, 1)
					tr := &trap{strike: func() {
						if p := <-victim; fate == "killed" {
							p.kill()
						}
						close(sprung)
					}}
					s.configure(knobs{tenants: 1, maxWait: 500 * time.Millisecond, more: hastyWorker})
					if code, out := s.enqueue("submit", "--lane", c.lane, s.export("export", sample.NIP(0), 6)); code != 0 {
						t.Fatalf("enqueue ended with %d: %s", code, out)
					}
					// A task is put there under this key, and it is named by it for the first time.
					key := fmt.Sprintf("asynq:{%s}:t:%s:", c.queue, c.task)
					s.configure(knobs{tenants: 1, maxWait: 500 * time.Millisecond, more: hastyWorker, redisURL: redisTrap(t, s.redis.Addr(), key, 1, when, tr)})
					victim <- s.start()
					struck(t, sprung)
					if fate == "killed" {
						s.start()
					}
					s.settled(6, 4*time.Minute)
					s.balanced(6)
				})
			}
		}
	}
}

// The worker is killed around its first write to the archive, a bucket: the same bytes are written again.
func TestCrash_ArchiveWriteCutOff_EverythingIsKept(t *testing.T) {
	for _, when := range []moment{before, during, after} {
		t.Run(string(when), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 200 * time.Millisecond})
			s3 := archivetest.NewS3(t, "honoured")
			killed := make(chan struct{})
			victim := make(chan *proc, 1)
			tr := &trap{strike: func() { (<-victim).kill(); close(killed) }}
			write := func(method, key string) bool { return method == http.MethodPut && !strings.Contains(key, ".check") }
			answered := make(chan struct{}, 1)
			s3.Intercept = func(_ http.ResponseWriter, method, key string) bool {
				if !write(method, key) {
					return false
				}
				select {
				case <-answered: // the one before this was answered
					if when == after && tr.spring() {
						panic(http.ErrAbortHandler)
					}
				default:
				}
				if when == before && tr.spring() {
					panic(http.ErrAbortHandler)
				}
				return false
			}
			s3.Afterwards = func(method, key string) {
				if !write(method, key) {
					return
				}
				if when == during && tr.spring() {
					panic(http.ErrAbortHandler)
				}
				select {
				case answered <- struct{}{}:
				default:
				}
			}
			dir := t.TempDir()
			for name, key := range map[string]string{"access": archivetest.AccessKey, "secret": archivetest.SecretKey} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(key), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s.configure(knobs{tenants: 1, maxWait: 500 * time.Millisecond, more: hastyWorker,
				archive: fmt.Sprintf("{url: s3://%s/kept, region: eu-central-1, endpoint: %q, access_key_file: %s/access, secret_key_file: %s/secret}", archivetest.Bucket, s3.URL, dir, dir)})
			dirIn := s.export("export", sample.NIP(0), 6)
			victim <- s.start()
			if code, out := s.enqueue("submit", "--lane", "bulk", dirIn); code != 0 {
				t.Fatalf("enqueue ended with %d: %s", code, out)
			}
			struck(t, killed)
			s.start()
			s.settled(6, 4*time.Minute)
			s.balanced(6)
			kinds := map[string]int{}
			for _, key := range s3.Keys() {
				kinds[filepath.Ext(key)]++
			}
			if kinds[".xml"] != 7 || kinds[".json"] != 6 {
				t.Errorf("the archive holds %v, want six documents, a receipt and six results", kinds)
			}
		})
	}
}

// Redis and the archive were lost and the same export handed in again. KSeF calls every invoice a duplicate and does not give the receipt of the original's session, so each original is fetched by its
// number; the worker is killed around the first of these.
func TestCrash_OriginalFetchedByItsNumber_RecoveredExactlyOnce(t *testing.T) {
	for _, when := range []moment{before, during, after} {
		t.Run(string(when), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 200 * time.Millisecond})
			s.configure(knobs{tenants: 1, maxWait: 500 * time.Millisecond, more: hastyWorker})
			dir := s.export("export", sample.NIP(0), 6)
			first := s.start()
			if code, out := s.enqueue("submit", "--lane", "bulk", dir); code != 0 {
				t.Fatalf("enqueue ended with %d: %s", code, out)
			}
			s.settled(6, time.Minute)
			original := s.sim.Books().Sessions[0].ID
			first.kill()
			if err := s.rdb.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(s.archive()); err != nil { // the receipt in it would prove all six
				t.Fatal(err)
			}
			killed := make(chan struct{})
			victim := make(chan *proc, 1)
			tr := &trap{strike: func() { (<-victim).kill(); close(killed) }}
			trapped := gatewayTrap(t, s.simURL, "invoiceGet", when, tr)
			forgetful := relay(t, trapped, func(w http.ResponseWriter, r *http.Request, forward func() (*answer, error)) {
				if steps["upo"](r) && strings.HasSuffix(r.URL.Path, original) {
					(&answer{status: http.StatusBadRequest, header: http.Header{"Content-Type": {"application/json"}},
						body: []byte(`{"error":{"code":21173,"description":"Brak sesji o wskazanym numerze referencyjnym","details":null}}`)}).write(w)
					return
				}
				a, err := forward()
				if err != nil {
					panic(http.ErrAbortHandler)
				}
				a.write(w)
			})
			s.configure(knobs{tenants: 1, maxWait: 500 * time.Millisecond, more: hastyWorker, gateway: forgetful})
			victim <- s.start()
			if code, out := s.enqueue("submit", "--lane", "bulk", dir); code != 0 {
				t.Fatalf("enqueue ended with %d: %s", code, out)
			}
			struck(t, killed)
			s.start()
			// Without the receipt of the original's session they stay accepted; it is asked for, for two days.
			s.reached(ledger.Accepted, 6, 3*time.Minute)
			s.balanced(6)
			ids, err := s.ledger.InState(t.Context(), ledger.Accepted, time.Time{}, time.Now().Add(time.Hour), 100)
			if err != nil {
				t.Fatal(err)
			}
			invs, err := s.ledger.Invoices(t.Context(), ids)
			if err != nil {
				t.Fatal(err)
			}
			for _, inv := range invs {
				if !inv.Recovered || inv.KsefNumber == "" {
					t.Errorf("%s: recovered %v, number %q", inv.Number, inv.Recovered, inv.KsefNumber)
				}
			}
		})
	}
}
