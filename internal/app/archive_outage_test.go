package app_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/config"
	"ksefworker/internal/archive"
	"ksefworker/internal/archive/archivetest"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// brokenArchive is a way in which an archive can fail: set configures it, fail and mend do what they say.
type brokenArchive struct {
	set        func(t *testing.T, c *config.Config)
	fail, mend func(t *testing.T)
}

// full is a folder in which nothing more can be written, as on a full disk: a file stands where the tenants' folders belong.
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
			if err := os.WriteFile(o, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.mend = func(t *testing.T) {
		for _, o := range obstacles {
			if err := os.Remove(o); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b
}

// bucket is an S3 service that answers every request as fault does while it is broken.
func bucket(fault func(w http.ResponseWriter, mended <-chan struct{}) bool) *brokenArchive {
	var broken atomic.Bool
	mended := make(chan struct{})
	return &brokenArchive{
		set: func(t *testing.T, c *config.Config) {
			s3 := archivetest.NewS3(t, "honoured")
			s3.Intercept = func(w http.ResponseWriter, _, _ string) bool { return broken.Load() && fault(w, mended) }
			dir := t.TempDir()
			c.Archive = config.Archive{URL: "s3://" + archivetest.Bucket + "/kept", Region: "eu-central-1", Endpoint: s3.URL,
				AccessKeyFile: filepath.Join(dir, "access"), SecretKeyFile: filepath.Join(dir, "secret")}
			for path, key := range map[string]string{c.Archive.AccessKeyFile: archivetest.AccessKey, c.Archive.SecretKeyFile: archivetest.SecretKey} {
				if err := os.WriteFile(path, []byte(key), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		},
		fail: func(*testing.T) { broken.Store(true) },
		mend: func(*testing.T) { broken.Store(false); close(mended) },
	}
}

// The archive takes nothing, from before the first receipt until long after the last acceptance. What KSeF accepted stays accepted, what lies in Redis goes its way, and what lies in the archive
// itself (large documents) waits for it: nothing is parked, dropped or sent anew.
func TestRecovery_ArchiveBroken_AcceptedStays_ReceiptsFollow(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]*brokenArchive{
		"disk full": fullFolder(),
		"bucket refuses": bucket(func(w http.ResponseWriter, _ <-chan struct{}) bool {
			archivetest.Refuse(w, http.StatusInsufficientStorage, "InsufficientCapacity")
			return true
		}),
		"bucket unreachable": bucket(func(http.ResponseWriter, <-chan struct{}) bool { panic(http.ErrAbortHandler) }),
		"bucket hangs":       bucket(func(_ http.ResponseWriter, mended <-chan struct{}) bool { <-mended; return false }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, 2, quickSim, func(c *config.Config) {
				hasty(c)
				a.set(t, c)
			})
			// Of the second tenant a document that is too large for Redis; it is in the archive before that fails.
			bulky := p.admit(tasks.Terms{}, tasks.Document{File: "bulky.xml", Data: sample.Invoice(sample.Options{SellerNIP: sample.NIP(1),
				Number: "BULKY/1", IssueDate: invoice.Today(time.Now()), Lines: 3000, Seed: 7})})
			if inv := p.state(bulky[0]); !inv.BodyArchived {
				t.Fatal("the large document is not in the archive: this test proves nothing of it")
			}
			a.fail(t)
			addr, _ := p.workAt()
			taken := p.admit(tasks.Terms{}, good(sample.NIP(0), 8)...)
			accepted := func(all []tasks.Admission) bool {
				for _, a := range all {
					if p.state(a).State != ledger.Accepted {
						return false
					}
				}
				return true
			}
			until(t, 60*time.Second, "all are accepted", func() bool { return accepted(taken) })
			// Others go on being accepted: receipts hold up nothing.
			later := p.admit(tasks.Terms{}, good(sample.NIP(0), 16)[8:]...)
			until(t, 60*time.Second, "those that came later are accepted, too", func() bool { return accepted(later) })
			<-time.After(3 * time.Second)
			all := append(append(taken, later...), bulky...)
			for _, a := range all {
				if inv := p.state(a); inv.State != ledger.Accepted && (inv.Number != "BULKY/1" || inv.State == ledger.Parked) {
					t.Errorf("%s is %s (%s) while the archive is broken", inv.Number, inv.State, inv.Reason)
				}
			}
			if ready := get(t, "http://"+addr+"/readyz"); !strings.Contains(ready, `"ready": true`) || (name != "disk full" && !strings.Contains(ready, "receipts wait")) {
				t.Errorf("readiness says %s", ready)
			}
			a.mend(t)
			for _, inv := range p.wait(120*time.Second, all, ledger.Receipted) {
				if inv.Resends != 0 {
					t.Errorf("%s was sent anew %d times because of its receipt", inv.Number, inv.Resends)
				}
				for _, file := range []string{archive.InvoiceName(inv.NIP, inv.IssueDate, inv.ID), archive.ResultName(inv.NIP, inv.IssueDate, inv.ID)} {
					if _, err := p.base.Store.Get(t.Context(), file); err != nil {
						t.Errorf("%s: %v", inv.Number, err)
					}
				}
			}
			p.balanced(len(all))
			inspector := asynq.NewInspectorFromRedisClient(p.base.Asynq)
			for q := range tasks.Queues() {
				if info, err := inspector.GetQueueInfo(q); err != nil || info.Archived > 0 {
					t.Errorf("queue %s: %+v (%v): given up", q, info, err)
				}
			}
		})
	}
}
