package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// away is how long Redis is away. The programs promise to survive a whole minute. A minute
// outlasts:
//   - asynq's lease (30 s, fixed), after which the worker's running tasks are given to others
//   - the time-outs of one call with its repetitions (4 × 5 s)
//   - asynq's record that a server lives (10 s)
//   - the worker's own heartbeat (dead_after: 3 s)
//   - the limiter's check before a task
//   - a dozen rounds of the worker's pulse (internal/tasks/pulse.go)
const away = time.Minute

// outages are the ways in which Redis can be away.
var outages = map[string]struct{ begin, end func(s *site) }{
	// Redis keeps its connections and answers nothing. When it goes on, it carries out everything
	// that was sent to it in between, although nobody waits for the answers any more.
	"hangs": {
		func(s *site) { s.signalRedis(syscall.SIGSTOP) },
		func(s *site) { s.signalRedis(syscall.SIGCONT) },
	},
	// Connections are refused.
	"is dead": {
		func(s *site) {
			if err := s.bed.Redis.Kill(); err != nil {
				s.t.Fatal(err)
			}
		},
		func(s *site) {
			if err := s.bed.Redis.Restart(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
		},
	},
	// A failover in which the client keeps its connection. Reads work, and every write is refused.
	"is read-only": {
		func(s *site) { s.replicaOf("127.0.0.1", "1") },
		func(s *site) { s.replicaOf("NO", "ONE") },
	},
}

func (s *site) replicaOf(host, port string) {
	s.t.Helper()
	if err := s.rdb.ReplicaOf(s.t.Context(), host, port).Err(); err != nil {
		s.t.Fatal(err)
	}
}

// Redis goes away in the middle of a run, with sends and uploads under way, and comes back after a
// minute.
func TestRedisAway_ForAMinuteInTheMiddle_NothingLostNoAttemptUsed(t *testing.T) {
	const bulk, express = 400, 12
	for name, outage := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 2 * time.Second})
			s.configure(1, noticesDeathsEarly, func(c *config.Config) {
				c.Packages.MaxInvoices, c.Packages.ExpressBelow = 50, 0
				c.Express.Idle = 3 * time.Second
			})
			workers := s.startMany(2)
			few := s.export("express", sample.NIP(0), express)
			many := s.export("bulk", sample.NIP(0), bulk, func(_ int, o *sample.Options) { o.Number = "N/" + o.Number })
			s.submit("--lane", "bulk", many)
			s.submit("--lane", "express", few)
			s.firstRequest("invoiceSend")
			s.firstRequest("batchSessionClose")
			outage.begin(s)
			began := time.Now()
			lines := logLines(t, workers)
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
			logged := logLines(t, workers) - lines
			outage.end(s)
			back := time.Now()
			n := bulk + express
			s.receipted(n, 3*time.Minute)
			t.Logf("redis %s: all receipted %v after it was back; two workers logged %d lines in %v",
				name, time.Since(back).Round(time.Second), logged, away)
			s.balanced(n)
			s.noAttemptUsed()
			if maxLines := 2 * 60; logged > maxLines {
				t.Errorf("the workers logged %d lines during the outage, want at most %d", logged, maxLines)
			}
		})
	}
}

// logLines returns how many lines the workers have logged.
func logLines(t *testing.T, workers []*worker) int {
	t.Helper()
	n := 0
	for _, w := range workers {
		n += w.count(t, "\n")
	}
	return n
}

// noAttemptUsed checks that no invoice was sent again because of the outage. The bounded number of
// resends is only for invoices that KSeF asks for again.
func (s *site) noAttemptUsed() {
	s.t.Helper()
	var resent []string
	for _, inv := range s.invoices(ledger.Receipted) {
		if inv.Resends > 0 {
			resent = append(resent, fmt.Sprintf("%s: %d (%s)", inv.Number, inv.Resends, inv.Reason))
		}
	}
	if len(resent) > 0 {
		s.t.Errorf("%d invoices were sent again because of the outage: %s", len(resent), strings.Join(resent, "; "))
	}
}
