package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// The worker is killed (SIGKILL) before, during and after each kind of call to the gateway, and
// another worker takes over. The simulator's record of accepted invoices shows whether an invoice
// was lost or sent twice.
func TestCrash_WorkerKilledAtEveryStep_AcceptedExactlyOnce(t *testing.T) {
	lanes := map[string][]string{
		"bulk":    {"publicKey", "openBatch", "part", "close", "sessionStatus", "invoices", "upo"},
		"express": {"openOnline", "send", "close", "invoices"},
	}
	for lane, names := range lanes {
		for _, step := range names {
			for _, when := range []moment{before, during, after} {
				t.Run(fmt.Sprintf("%s/%s/%s", lane, step, when), func(t *testing.T) {
					t.Parallel()
					s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 200 * time.Millisecond})
					tr := newTrap(true)
					s.configure(1, noticesDeathsEarly, gatewayAt(gatewayTrap(t, s.bed.GatewayURL(), step, when, tr)))
					dir := s.export("export", sample.NIP(0), 6)
					tr.arm(s.start())
					s.submit("--lane", lane, dir)
					tr.await(t)
					s.start()
					s.receipted(6, 4*time.Minute)
					s.balanced(6)
				})
			}
		}
	}
}

// Each verb of the ledger is one Redis script. The connection breaks either before the script
// reaches Redis, or after Redis has run it but before the worker has the answer. In one variant the
// worker lives on. Its Redis client sends the script again, and compare-and-set must keep the
// script from taking effect twice. In the other variant the worker is killed.
func TestCrash_LedgerVerbCutOff_AcceptedExactlyOnce(t *testing.T) {
	for _, c := range []struct {
		lane, verb string
		nth        int
		what       string
	}{
		{"bulk", "move", 1, "wait"},
		{"bulk", "cut", 1, "cut"},
		{"bulk", "package", 1, "opened"},
		{"bulk", "package", 2, "uploaded"},
		{"bulk", "package", 3, "closing"},
		{"bulk", "package", 4, "processing"},
		{"bulk", "move", 2, "settle"},
		{"bulk", "package", 6, "settled"},
		{"bulk", "move", 3, "receipt"},
		{"bulk", "package", 7, "receipted"},
		{"express", "open", 1, "online opened"},
		{"express", "send", 1, "sending"},
		{"express", "move", 1, "sent"},
		{"express", "package", 1, "online closing"},
	} {
		for _, when := range []moment{before, during} {
			for _, fate := range []string{"lives", "killed"} {
				t.Run(fmt.Sprintf("%s/%s/%s/%s", c.lane, c.what, when, fate), func(t *testing.T) {
					t.Parallel()
					s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 200 * time.Millisecond})
					if err := s.ledger.LoadScripts(t.Context()); err != nil {
						t.Fatal(err)
					}
					s.cutOffRedis(c.lane, ledger.ScriptHashes()[c.verb], c.nth, when, fate == "killed")
				})
			}
		}
	}
}

// The connection breaks while the worker queues the next task. It breaks before Redis has stored
// the task, or after that but before the worker has the answer. The worker lives on, or it is
// killed.
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
					// A task is stored under this key. Queueing it is the first request that names
					// the key.
					key := fmt.Sprintf("asynq:{%s}:t:%s:", c.queue, c.task)
					s.cutOffRedis(c.lane, key, 1, when, fate == "killed")
				})
			}
		}
	}
}

// cutOffRedis submits six invoices and breaks the connection at the nth request to Redis that
// contains the text. Every invoice must still be accepted exactly once.
func (s *site) cutOffRedis(lane, text string, nth int, when moment, kills bool) {
	s.t.Helper()
	tr := newTrap(kills)
	s.configure(1, noticesDeathsEarly)
	s.submit("--lane", lane, s.export("export", sample.NIP(0), 6)) // enqueue must not meet the trap
	s.configure(1, noticesDeathsEarly, redisAt(redisTrap(s.t, s.bed.Redis.Addr(), text, nth, when, tr)))
	tr.arm(s.start())
	tr.await(s.t)
	if kills {
		s.start()
	}
	s.receipted(6, 4*time.Minute)
	s.balanced(6)
}
