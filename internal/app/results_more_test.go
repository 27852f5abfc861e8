package app_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// An accounting office has a folder for each of its two clients, and a stream for one client.
func TestResults_FurtherReceivers_EachGetsItsTenants(t *testing.T) {
	t.Parallel()
	first, second := t.TempDir(), t.TempDir()
	one, two := sample.NIP(0), sample.NIP(1)
	p := newPool(t, 2, quickSim, func(c *config.Config) {
		hasty(c)
		c.Results.Folders = []config.FolderReceiver{
			{Name: "first", Path: first, Tenants: []string{one}}, {Name: "second", Path: second, Tenants: []string{two}}}
		c.Results.Streams = []config.StreamReceiver{{Name: "own", Tenants: []string{two}}}
	})
	stop := p.work()
	ofOne := p.admit(intake.Terms{Lane: ledger.Express}, numbered(one, "A", 2)...)
	ofTwo := p.admit(intake.Terms{Lane: ledger.Express}, numbered(two, "B", 1)...)
	p.wait(90*time.Second, append(slices.Clone(ofOne), ofTwo...), ledger.Receipted)
	files := func(dir string, of []intake.Admission) bool {
		found, err := filepath.Glob(filepath.Join(dir, "inv-*.json"))
		if err != nil || len(found) != len(of) {
			return false
		}
		for i := range of {
			if _, err := os.Stat(filepath.Join(dir, of[i].Invoice.ID+".json")); err != nil {
				return false
			}
		}
		return true
	}
	until(t, 30*time.Second, "each folder has the results of its tenant",
		func() bool { return files(first, ofOne) && files(second, ofTwo) })
	until(t, 30*time.Second, "the stream has the two results of the second tenant's invoice", func() bool {
		return p.base.Redis.XLen(t.Context(), "ksef:results:own").Val() == 2
	})
	stop()
	for _, m := range p.base.Redis.XRange(t.Context(), "ksef:results:own", "-", "+").Val() {
		if m.Values["id"] != ofTwo[0].Invoice.ID {
			t.Errorf("the stream of the second tenant has a result of %v, which is not that tenant's invoice", m.Values["id"])
		}
	}
	if n := p.base.Redis.Exists(t.Context(), "ksef:results").Val(); n != 0 {
		t.Error("there is a stream ksef:results, which is not configured")
	}
}
