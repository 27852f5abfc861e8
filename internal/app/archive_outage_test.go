package app_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/config"
	"ksefworker/internal/archive"
	"ksefworker/internal/archive/archivetest"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
)

// brokenArchive is an archive that a test can break and repair. set puts it into the configuration.
type brokenArchive struct {
	set          func(t *testing.T, c *config.Config)
	fail, repair func(t *testing.T)
}

// fullFolder returns an archive in a folder. While it is broken, the invoices of the two tenants
// cannot be written, as on a full disk, because files with the names of the tenants' folders stand
// in the way.
func fullFolder() *brokenArchive {
	var obstacles []string
	b := &brokenArchive{set: func(t *testing.T, c *config.Config) {
		u, err := url.Parse(c.Archive.URL)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			obstacles = append(obstacles, filepath.Join(u.Path, sample.NIP(i)))
		}
	}}
	b.fail = func(t *testing.T) {
		for _, o := range obstacles {
			writeFile(t, o, "")
		}
	}
	b.repair = func(t *testing.T) {
		for _, o := range obstacles {
			if err := os.Remove(o); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b
}

// bucket returns an archive at an S3 service. While it is broken, fault handles every request.
// fault returns false for a request that the service should answer anyway.
func bucket(fault func(w http.ResponseWriter, repaired <-chan struct{}) bool) *brokenArchive {
	var broken atomic.Bool
	repaired := make(chan struct{})
	closeOnce := sync.OnceFunc(func() { close(repaired) })
	return &brokenArchive{
		set: func(t *testing.T, c *config.Config) {
			s3 := archivetest.NewS3(t, "honoured")
			s3.Intercept = func(w http.ResponseWriter, _, _ string) bool { return broken.Load() && fault(w, repaired) }
			dir := t.TempDir()
			c.Archive = config.Archive{URL: "s3://" + archivetest.Bucket + "/kept", Region: "eu-central-1", Endpoint: s3.URL,
				AccessKeyFile: filepath.Join(dir, "access"), SecretKeyFile: filepath.Join(dir, "secret")}
			writeFile(t, c.Archive.AccessKeyFile, archivetest.AccessKey)
			writeFile(t, c.Archive.SecretKeyFile, archivetest.SecretKey)
		},
		fail:   func(*testing.T) { broken.Store(true) },
		repair: func(*testing.T) { broken.Store(false); closeOnce() },
	}
}

// The archive is broken from before the first receipt until some sweeps after the invoices are
// accepted. Accepted invoices stay accepted. Invoices whose documents are in Redis go on. Large
// invoices, whose documents are in the archive, may wait for the archive. Nothing is parked,
// dropped or sent again.
func TestRecovery_ArchiveBroken_InvoicesStayAcceptedAndReceiptsFollow(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]*brokenArchive{
		"disk full": fullFolder(),
		"bucket refuses": bucket(func(w http.ResponseWriter, _ <-chan struct{}) bool {
			archivetest.Refuse(w, http.StatusInsufficientStorage, "InsufficientCapacity")
			return true
		}),
		"bucket unreachable": bucket(func(http.ResponseWriter, <-chan struct{}) bool { panic(http.ErrAbortHandler) }),
		"bucket hangs":       bucket(func(_ http.ResponseWriter, repaired <-chan struct{}) bool { <-repaired; return false }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, 2, quickSim, func(c *config.Config) {
				hasty(c)
				a.set(t, c)
			})
			// The second tenant has a document that is too large for Redis. It is in the archive
			// before the archive breaks.
			bulky := p.admit(intake.Terms{}, document(sample.Options{SellerNIP: sample.NIP(1), Number: "BULKY/1", Lines: 3900, Seed: 7}))
			if inv := p.state(bulky[0]); !inv.BodyArchived {
				t.Fatal("the large document is not in the archive: this test proves nothing about it")
			}
			a.fail(t)
			addr, _ := p.workAt()
			taken := p.admit(intake.Terms{}, good(sample.NIP(0), 8)...)
			until(t, 60*time.Second, "the first invoices are accepted", p.all(taken, accepted))
			// Receipts that wait delay no other invoice.
			later := p.admit(intake.Terms{}, good(sample.NIP(0), 16)[8:]...)
			until(t, 60*time.Second, "the invoices that came later are accepted too", p.all(later, accepted))
			// The sweep runs each second, and must change nothing.
			inspector := asynq.NewInspectorFromRedisClient(p.base.Asynq)
			sweeps := func() int {
				info, err := inspector.GetQueueInfo(queue.QueueUpkeep)
				if err != nil {
					t.Fatal(err)
				}
				return info.ProcessedTotal
			}
			before := sweeps()
			until(t, 60*time.Second, "three more sweeps have run", func() bool { return sweeps() >= before+3 })
			all := append(append(taken, later...), bulky...)
			for _, a := range all {
				if inv := p.state(a); inv.State != accepted && (inv.Number != "BULKY/1" || inv.State == ledger.Parked) {
					t.Errorf("%s is %s (%s) while the archive is broken, want accepted, or for BULKY/1 any state but parked",
						inv.Number, inv.State, inv.Reason)
				}
			}
			if ready := page(t, addr, "/readyz"); !strings.Contains(ready, `"ready": true`) ||
				name != "disk full" && !strings.Contains(ready, "receipts wait") {
				t.Errorf("while the archive is broken /readyz says %s, want ready, and that receipts wait (unless the disk is full)", ready)
			}
			a.repair(t)
			for _, inv := range p.wait(120*time.Second, all, receipted) {
				if inv.Resends != 0 {
					t.Errorf("%s was sent again %d times because of its receipt, want never", inv.Number, inv.Resends)
				}
				for _, file := range []string{
					archive.InvoiceName(inv.NIP, inv.IssueDate, inv.ID), archive.ResultName(inv.NIP, inv.IssueDate, inv.ID),
				} {
					if _, err := p.base.Store.Get(t.Context(), file); err != nil {
						t.Errorf("%s: the archive has no %s: %v", inv.Number, file, err)
					}
				}
			}
			p.balanced(len(all))
			for q := range queue.Queues() {
				if info, err := inspector.GetQueueInfo(q); err != nil || info.Archived > 0 {
					t.Errorf("the queue %s is %+v (error %v), want no archived task", q, info, err)
				}
			}
		})
	}
}
