package tasks_test

import (
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// Requests about one session fail, and no circuit holds them back. So the pauses of the session's
// confirm task have to grow. Otherwise polls every three seconds would use up the requests that the
// tenant may make in an hour. During an outage no try counts as a failure. So the pauses do not
// grow, and they are short when the outage is over.
func TestConfirm_OneSessionIsSick_PausesGrowUnlessItIsAnOutage(t *testing.T) {
	for _, c := range []struct {
		operation, down string
		grows           bool
	}{
		{"sessionStatus", "", true},
		{"invoices", "", true},
		{"sessionStatus", ratelimit.GroupSessionMisc, false},
		{"invoices", ratelimit.GroupSessionInvoiceList, false},
		{"sessionStatus", ratelimit.GroupBatchSession, true},
	} {
		s := newStage(t, simulator.Options{})
		inv := s.admit(ledger.Bulk, s.good("A/1"))
		pkg := s.sent(s.worker("w", s.client()), inv)
		err := s.sim.Inject(simulator.Fault{Kind: simulator.Status, On: c.operation, Code: 503, Times: -1})
		if err != nil {
			t.Fatal(err)
		}
		s.budget = groupDown{group: c.down}
		w := s.worker("w2", s.client())
		for range 600 { // the session has to be processed first
			if err = w.run(queue.KindConfirm, pkg); retry.Judge(err).Reason != retry.ReasonProcessing {
				break
			}
			s.advance(time.Second)
		}
		if v := retry.Judge(err); v.Action != retry.Later || v.Reason == retry.ReasonProcessing || retry.IsFailure(err) != c.grows {
			t.Errorf("%s fails while the group %q is out of service; the task ends with %v; counted as a failure: %v, want %v",
				c.operation, c.down, err, retry.IsFailure(err), c.grows)
		}
		first, later := retry.Delay(0, err, nil), retry.Delay(6, err, nil)
		if first > 10*time.Second || later < time.Minute {
			t.Errorf("the pause is %v after the first failure and %v after the seventh, want at most 10s and at least 1m", first, later)
		}
	}
}
