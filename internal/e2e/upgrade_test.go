package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// earlier compiles the programs worker and enqueue of an earlier revision. It returns their folder
// and the name of the revision. KSEF_UPGRADE_FROM names the revision. If it is not set, the newest
// tag before this commit is taken. Before the first release there is no such tag, and the test is
// skipped.
func earlier(t *testing.T) (programs, revision string) {
	t.Helper()
	revision = os.Getenv("KSEF_UPGRADE_FROM")
	if revision == "" {
		out, err := exec.Command("git", "describe", "--tags", "--abbrev=0", "HEAD^").Output()
		if revision = strings.TrimSpace(string(out)); err != nil || revision == "" {
			t.Skip("there is no earlier tag; KSEF_UPGRADE_FROM=<revision> tries the update from another commit")
		}
	}
	dir, programs := t.TempDir(), t.TempDir()
	script := `git -C ../.. archive "$1" | tar -x -C "$2" && cd "$2" && go build -trimpath -o "$3/" ./cmd/worker ./cmd/enqueue`
	if out, err := exec.Command("sh", "-c", script, "sh", revision, dir, programs).CombinedOutput(); err != nil {
		t.Fatalf("build the programs of %s: %v\n%s", revision, err, out)
	}
	return programs, revision
}

func TestUpgrade_FromThePreviousTagAndBack_EveryInvoiceIsAcceptedOnce(t *testing.T) {
	programs, revision := earlier(t)
	old := filepath.Join(programs, "worker")
	t.Logf("the earlier worker is that of %s", revision)
	s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: time.Second})
	s.configure(1, noticesDeathsEarly)
	const each = 40
	name := 0
	submit := func() {
		name++
		number := string(rune('A' + name))
		s.submit(s.export("export"+number, sample.NIP(0), each, func(_ int, o *sample.Options) { o.Number = number + "/" + o.Number }))
	}
	before := s.startBuild(old)
	submit()
	s.receipted(each, 2*time.Minute)

	// The update. Both workers share one Redis, with invoices on their way.
	submit()
	after := s.start()
	submit()
	before.terminate(t, 40*time.Second)
	s.receipted(3*each, 2*time.Minute)

	// The roll-back, again with invoices on their way, including those of the newer worker.
	submit()
	back := s.startBuild(old)
	after.terminate(t, 40*time.Second)
	submit()
	s.receipted(5*each, 2*time.Minute)
	if n, keys, err := s.ledger.Unreadables(t.Context(), 3); err != nil || n != 0 {
		t.Errorf("after the roll-back %d entries cannot be read: %v %v", n, keys, err)
	}
	back.terminate(t, 40*time.Second)
	s.balanced(5 * each)
	counts, err := s.ledger.Counts(t.Context())
	if err != nil || counts[string(ledger.Receipted)] != 5*each {
		t.Errorf("at the end the ledger counts %v (%v), want %d receipted invoices", counts, err, 5*each)
	}
}
