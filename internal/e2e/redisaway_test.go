package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// away is how long Redis is not there. It is the whole minute of the promise, because nothing shorter crosses asynq's lease (30 s, fixed): then the worker's running tasks have been taken
// from it. On the way there the others pass: one call's time-outs with its repetitions (4 × 5 s), asynq's word that a server lives (10 s), ours (dead_after: 3 s), the gate's look at the
// limiter, and a dozen rounds of the pulse.
const away = time.Minute

// outages are the ways in which Redis can be away.
var outages = map[string]struct{ begin, end func(s *site) }{
	// It keeps its connections and answers nothing; when it goes on, it carries out everything that was sent to it meanwhile, although nobody waits for the answers.
	"hangs": {
		func(s *site) { s.signalRedis(syscall.SIGSTOP) },
		func(s *site) { s.signalRedis(syscall.SIGCONT) },
	},
	// Connections are refused.
	"is dead": {
		func(s *site) {
			if err := s.redis.Kill(); err != nil {
				s.t.Fatal(err)
			}
		},
		func(s *site) {
			if err := s.redis.Restart(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
		},
	},
	// A failover that the client keeps its connection through: it reads, and every write is refused.
	"is read-only": {
		func(s *site) { s.replicaOf("127.0.0.1", "1") },
		func(s *site) { s.replicaOf("NO", "ONE") },
	},
}

func (s *site) replicaOf(host, port string) {
	s.t.Helper()
	if err := s.rdb.SlaveOf(s.t.Context(), host, port).Err(); err != nil {
		s.t.Fatal(err)
	}
}

// Redis goes away in the middle of a run, with sends and uploads under way, and comes back after a minute.
func TestRedisAway_ForAMinuteInTheMiddle_NothingLostNothingBurnt(t *testing.T) {
	const bulk, express = 400, 12
	for name, outage := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 2 * time.Second})
			s.configure(knobs{tenants: 1, maxWait: 500 * time.Millisecond, packages: "max_invoices: 50, express_below: 0", express: "{idle: 3s}", more: hastyWorker})
			workers := fleet(t, s, 2)
			few := s.export("express", sample.NIP(0), express)
			many := s.export("bulk", sample.NIP(0), bulk, func(_ int, o *sample.Options) { o.Number = "N/" + o.Number })
			if code, out := s.enqueue("submit", "--lane", "bulk", many); code != 0 {
				t.Fatalf("enqueue ended with %d: %s", code, out)
			}
			if code, out := s.enqueue("submit", "--lane", "express", few); code != 0 {
				t.Fatalf("enqueue ended with %d: %s", code, out)
			}
			s.first("invoiceSend")
			s.first("batchSessionClose")
			outage.begin(s)
			began := time.Now()
			lines := s.lines(workers)
			for time.Since(began) < away {
				<-time.After(5 * time.Second)
				for _, w := range workers {
					select {
					case <-w.done:
						t.Fatalf("a worker ended %v into the outage", time.Since(began))
					default:
					}
					w.answers(t, "/healthz", http.StatusOK)
				}
			}
			workers[0].answers(t, "/readyz", http.StatusServiceUnavailable)
			during := s.lines(workers) - lines
			outage.end(s)
			back := time.Now()
			n := bulk + express
			s.settled(n, 3*time.Minute)
			t.Logf("%s: all receipted %v after it was back; %d lines of log in %v by two workers", name, time.Since(back).Round(time.Second), during, away)
			s.balanced(n)
			s.nothingBurnt()
			if most := 2 * 60; during > most {
				t.Errorf("%d lines of log in the outage, want at most %d", during, most)
			}
		})
	}
}

// answers asks a worker's HTTP endpoint, which has six seconds: a probe waits no longer.
func (p *proc) answers(t *testing.T, path string, want int) {
	t.Helper()
	client := http.Client{Timeout: 6 * time.Second}
	res, err := client.Get("http://" + p.address(t) + path)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode != want {
		t.Errorf("%s answers %d, want %d", path, res.StatusCode, want)
	}
}

// lines counts what the workers have logged.
func (s *site) lines(workers []*proc) int {
	s.t.Helper()
	n := 0
	for _, w := range workers {
		text, err := os.ReadFile(w.log)
		if err != nil {
			s.t.Fatal(err)
		}
		n += bytes.Count(text, []byte("\n"))
	}
	return n
}

// nothingBurnt holds that nobody was sent anew because of an outage of our own: the bound is there for what KSeF asks for.
func (s *site) nothingBurnt() {
	s.t.Helper()
	ids, err := s.ledger.InState(s.t.Context(), ledger.Receipted, time.Time{}, time.Now().Add(time.Hour), 100_000)
	if err != nil {
		s.t.Fatal(err)
	}
	invs, err := s.ledger.Invoices(s.t.Context(), ids)
	if err != nil {
		s.t.Fatal(err)
	}
	var burnt []string
	for _, inv := range invs {
		if inv.Resends > 0 {
			burnt = append(burnt, fmt.Sprintf("%s: %d (%s)", inv.Number, inv.Resends, inv.Reason))
		}
	}
	if len(burnt) > 0 {
		s.t.Errorf("%d invoices have used up attempts: %s", len(burnt), strings.Join(burnt, "; "))
	}
}
