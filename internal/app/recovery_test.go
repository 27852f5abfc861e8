package app_test

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

func TestRecovery_WrongKey_OnlyThatTenantPausesAndANewKeyNeedsNoRestart(t *testing.T) {
	t.Parallel()
	var key string
	p := newPool(t, 2, quickSim, func(c *config.Config) {
		hasty(c)
		key = filepath.Join(t.TempDir(), "key")
		writeFile(t, key, "wrong\n")
		c.Tenants[0].KeyFile = key
	})
	p.work()
	blocked := p.admit(intake.Terms{}, good(sample.NIP(0), 8)...)
	free := p.admit(intake.Terms{}, good(sample.NIP(1), 8)...)
	until(t, 60*time.Second, "the other tenant's invoices are receipted", p.all(free, receipted))
	for _, a := range blocked {
		if inv := p.state(a); inv.State != ledger.Packed && inv.State != ledger.Queued {
			t.Errorf("%s is %s while its tenant is paused, want it packed or queued", inv.Number, inv.State)
		}
	}
	if strings.Contains(p.log.String(), "wrong") {
		t.Error("the log holds the word \"wrong\", which is the content of the key file")
	}
	writeFile(t, key, "test_key\n")
	p.wait(90*time.Second, append(blocked, free...), ledger.Receipted)
	p.balanced(16)
}

func TestRecovery_TasksDeletedOrArchivedByHand_TheSweepQueuesThemAgain(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"deleted", "archived"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, 1, quickSim, hasty)
			inspector := asynq.NewInspectorFromRedisClient(p.base.Asynq)
			taken := p.admit(intake.Terms{}, good(sample.NIP(0), 8)...)
			stats, err := p.base.Queue.Stats(100)
			if err != nil || len(stats.Tasks) == 0 {
				t.Fatalf("the queues have no tasks: %+v (error %v)", stats, err)
			}
			for id := range stats.Tasks {
				if how == "deleted" {
					err = inspector.DeleteTask(queue.QueueInvoices, id)
				} else {
					err = inspector.ArchiveTask(queue.QueueInvoices, id)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			p.work()
			p.wait(60*time.Second, taken, ledger.Receipted)
			p.balanced(8)
		})
	}
}

func TestRecovery_ConfirmTaskDeletedByHand_TheSweepQueuesItAgain(t *testing.T) {
	t.Parallel()
	o := quickSim
	o.Delay = 4 * time.Second
	p := newPool(t, 1, o, hasty)
	p.work()
	taken := p.admit(intake.Terms{}, good(sample.NIP(0), 8)...)
	inspector := asynq.NewInspectorFromRedisClient(p.base.Asynq)
	until(t, 30*time.Second, "the confirm task waits and is deleted", func() bool {
		inv := p.state(taken[0])
		if inv.State != ledger.Sent {
			return false
		}
		return inspector.DeleteTask(queue.QueueConfirm, queue.TaskID(queue.KindConfirm, inv.Package, 0)) == nil
	})
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(8)
}

func TestRecovery_SamePackageDeliveredTwice_OnlyOneSessionIsClosed(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	taken := p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 40)...)
	p.work()
	p.work()
	until(t, 30*time.Second, "the package is cut", func() bool { return p.state(taken[0]).Package != "" })
	// The same package is queued under two other task ids. asynq cannot see that the tasks are the
	// same, but the ledger can.
	client := asynq.NewClientFromRedisClient(p.base.Asynq)
	payload := []byte(`{"v":1,"id":"` + p.state(taken[0]).Package + `"}`)
	for _, id := range []string{"repeated-1", "repeated-2"} {
		task := asynq.NewTask(string(queue.KindPackage), payload)
		if _, err := client.Enqueue(task, asynq.Queue(queue.QueuePackages), asynq.TaskID(id)); err != nil {
			t.Fatal(err)
		}
	}
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(40)
}

func TestRecovery_SessionLostByTheGateway_NumbersAreFoundAndNothingIsSentAgain(t *testing.T) {
	t.Parallel()
	o := quickSim
	o.Faults = []simulator.Fault{{On: "close", Kind: simulator.Lost}}
	p := newPool(t, 1, o, hasty)
	p.work()
	taken := p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 6)...)
	until(t, 60*time.Second, "the ledger notes that the gateway does not know the session", func() bool {
		inv := p.state(taken[0])
		if inv.Package == "" {
			return false
		}
		pkg, err := p.base.Ledger.Package(t.Context(), inv.Package)
		return err == nil && pkg.Lost != 0
	})
	// Workers wait ten minutes from the noted instant on, so the test moves the instant into the
	// past.
	pkg := p.state(taken[0]).Package
	if err := p.base.Redis.HSet(t.Context(), "ksef:pkg:"+pkg, "lost", time.Now().Add(-time.Hour).UnixMilli()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := p.base.Queue.Put(t.Context(), queue.KindConfirm, pkg, 0, queue.When{Run: true}); err != nil {
		t.Fatal(err)
	}
	for _, inv := range p.wait(60*time.Second, taken, ledger.Accepted) {
		if !inv.Recovered || inv.KsefNumber == "" {
			t.Errorf("%s is accepted as %q, want the number that the register has", inv.Number, inv.KsefNumber)
		}
	}
	p.balanced(6)
	if n := len(p.sim.Books().Sessions); n != 1 {
		t.Errorf("%d sessions, want only the lost one: sending again could make duplicates", n)
	}
}

func TestRecovery_RedisRestartedDuringARun_BooksBalance(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	p.work()
	taken := p.admit(intake.Terms{Lane: ledger.Express}, good(sample.NIP(0), 5)...)
	taken = append(taken, p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 60)[5:]...)...)
	until(t, 30*time.Second, "an invoice is on its way", func() bool { return p.state(taken[10]).State != ledger.Queued })
	if err := p.base.Redis.Save(t.Context()).Err(); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
	if err := p.redis.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.wait(120*time.Second, taken, ledger.Receipted)
	p.balanced(60)
}

func TestRecovery_WorkerStopsDuringARun_AnotherGoesOn(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	stop := p.work()
	taken := p.admit(intake.Terms{Lane: ledger.Express}, good(sample.NIP(0), 4)...)
	taken = append(taken, p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 60)[4:]...)...)
	until(t, 30*time.Second, "an invoice is on its way", func() bool { return p.state(taken[10]).State != ledger.Queued })
	began := time.Now()
	stop()
	if took := time.Since(began); took > p.cfg.Worker.ShutdownTimeout+6*time.Second {
		t.Errorf("the stop took %v, want at most %v and six seconds for closing sessions", took, p.cfg.Worker.ShutdownTimeout)
	}
	p.work()
	p.wait(120*time.Second, taken, ledger.Receipted)
	p.balanced(60)
}
