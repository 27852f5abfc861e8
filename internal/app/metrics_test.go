package app

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"

	"ksefworker/internal/queue"
)

type fixedCounts map[string]int64

func (f fixedCounts) Counts(context.Context) (map[string]int64, error) {
	if f == nil {
		return nil, errors.New("dial 127.0.0.1:1: refused")
	}
	return f, nil
}

func TestMetrics_QueuesAndLedger_AreExported(t *testing.T) {
	opt, inspector := busyRedis(t)
	rdb := redis.NewClient(&redis.Options{Addr: opt.Addr})
	defer rdb.Close()
	if err := inspector.PauseQueue("packages"); err != nil {
		t.Fatal(err)
	}
	m := newMetrics(newQueueCollector(queue.NewSizes(queue.New(rdb))), &ledgerCollector{fixedCounts{"queued": 3, "parked": 0}})
	res := ask(m.Handler(), "GET", "/metrics")
	body := bodyOf(t, res)
	for _, line := range []string{
		`asynq_tasks{queue="invoices",state="pending"} 1`,
		`asynq_tasks{queue="packages",state="scheduled"} 1`,
		`asynq_tasks{queue="receipts",state="completed"} 1`,
		`asynq_tasks{queue="sessions",state="archived"} 1`,
		`asynq_tasks_processed_total{queue="receipts"} 1`,
		`asynq_tasks_failed_total{queue="sessions"} 1`,
		`asynq_queue_paused{queue="packages"} 1`,
		`asynq_queue_paused{queue="invoices"} 0`,
		`asynq_queue_size{queue="invoices"} 1`,
		`ksef_ledger_entries{state="queued"} 3`,
		`ksef_ledger_entries{state="parked"} 0`,
		`ksef_scrape_up{source="queues"} 1`,
		`ksef_scrape_up{source="ledger"} 1`,
		`go_goroutines `,
	} {
		if !strings.Contains(body, "\n"+line) {
			t.Errorf("/metrics lacks a line that begins with %s", line)
		}
	}
	if res.StatusCode != 200 {
		t.Errorf("/metrics answers with status %d, want 200", res.StatusCode)
	}
	problems, err := testutil.GatherAndLint(m.registry, "ksef_ledger_entries", "ksef_scrape_up", "asynq_queue_size")
	if err != nil || len(problems) > 0 {
		t.Errorf("the names break Prometheus's conventions: %v (error %v)", problems, err)
	}
	for _, secret := range planted {
		if strings.Contains(body, secret) {
			t.Errorf("/metrics shows %q, which is planted in a task", secret)
		}
	}
	for range 2 { // the lint was a scrape too
		body = bodyOf(t, ask(m.Handler(), "GET", "/metrics"))
	}
	if n := strings.Count(body, "\nasynq_queue_memory_usage_approx_bytes{"); n != 4 {
		t.Errorf("after four scrapes the memory of %d queues is known, want that of all four", n)
	}
}

type deadSizes struct{ queues []string }

func (d deadSizes) Queues() ([]string, error) {
	if d.queues == nil {
		return nil, errors.New("refused")
	}
	return d.queues, nil
}

func (d deadSizes) Read(context.Context, []string) ([]queue.Size, error) {
	return nil, errors.New("refused")
}

func (d deadSizes) Memory(string) (int64, error) { return 0, errors.New("refused") }

func TestMetrics_SourceFails_OtherSeriesAreStillServed(t *testing.T) {
	for why, queues := range map[string][]string{"the list of queues fails": nil, "each queue fails": {"a", "b"}} {
		m := newMetrics(newQueueCollector(deadSizes{queues}), &ledgerCollector{fixedCounts(nil)})
		res := ask(m.Handler(), "GET", "/metrics")
		body := bodyOf(t, res)
		if res.StatusCode != 200 {
			t.Errorf("%s: status %d, want 200", why, res.StatusCode)
		}
		for _, line := range []string{`ksef_scrape_up{source="queues"} 0`, `ksef_scrape_up{source="ledger"} 0`, `go_goroutines `} {
			if !strings.Contains(body, "\n"+line) {
				t.Errorf("%s: /metrics lacks a line that begins with %s", why, line)
			}
		}
	}
}
