package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/archive/archivetest"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// The archive is a bucket of an S3 service. The worker is killed before, during or after its first
// write to the bucket, and the next worker writes the same bytes again.
func TestCrash_ArchiveWriteCutOff_EverythingIsKept(t *testing.T) {
	for _, when := range []moment{before, during, after} {
		t.Run(string(when), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 200 * time.Millisecond})
			s3 := archivetest.NewS3(t, "honoured")
			tr := newTrap(true)
			trapFirstWrite(s3, when, tr)
			s.configure(1, noticesDeathsEarly, s.archiveIn(s3))
			dir := s.export("export", sample.NIP(0), 6)
			tr.arm(s.start())
			s.submit("--lane", "bulk", dir)
			tr.await(t)
			s.start()
			s.receipted(6, 4*time.Minute)
			s.balanced(6)
			kinds := map[string]int{}
			for _, key := range s3.Keys() {
				if isKept(key) {
					kinds[filepath.Ext(key)]++
				}
			}
			if kinds[".xml"] != 7 || kinds[".json"] != 6 {
				t.Errorf("the archive holds %v, want six documents, a receipt and six results", kinds)
			}
		})
	}
}

// isKept reports whether a key belongs to a document, a receipt or a result. The probe and the file
// that names the owner of the archive do not count.
func isKept(key string) bool {
	return (strings.HasSuffix(key, ".xml") || strings.HasSuffix(key, ".json")) && !strings.HasSuffix(key, "/archive.json")
}

// trapFirstWrite strikes before, during or after the first write of a document, receipt or result
// to the bucket.
func trapFirstWrite(s3 *archivetest.S3, when moment, tr *trap) {
	isWrite := func(method, key string) bool { return method == http.MethodPut && isKept(key) }
	answered := make(chan struct{}, 1)
	s3.Intercept = func(_ http.ResponseWriter, method, key string) bool {
		if !isWrite(method, key) {
			return false
		}
		select {
		case <-answered: // the write before this one was answered
			if when == after && tr.spring() {
				panic(http.ErrAbortHandler)
			}
		default:
		}
		if when == before && tr.spring() {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	s3.Afterwards = func(method, key string) {
		if !isWrite(method, key) {
			return
		}
		if when == during && tr.spring() {
			panic(http.ErrAbortHandler)
		}
		select {
		case answered <- struct{}{}:
		default:
		}
	}
}

// archiveIn makes the bucket of an S3 service the archive.
func (s *site) archiveIn(s3 *archivetest.S3) func(*config.Config) {
	s.t.Helper()
	access, secret := filepath.Join(s.dir, "s3-access"), filepath.Join(s.dir, "s3-secret")
	for path, key := range map[string]string{access: archivetest.AccessKey, secret: archivetest.SecretKey} {
		if err := os.WriteFile(path, []byte(key), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	return func(c *config.Config) {
		c.Archive.URL, c.Archive.Region, c.Archive.Endpoint = "s3://"+archivetest.Bucket+"/kept", "eu-central-1", s3.URL
		c.Archive.AccessKeyFile, c.Archive.SecretKeyFile = access, secret
	}
}

// Redis and the archive were lost, and the same export is handed in again. KSeF calls every invoice
// a duplicate and does not give the receipt of the original's session, so each original is fetched
// by its number. The worker is killed before, during or after the first of these calls.
func TestCrash_OriginalFetchedByItsNumber_RecoveredExactlyOnce(t *testing.T) {
	for _, when := range []moment{before, during, after} {
		t.Run(string(when), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, simulator.Options{Profile: simulator.Production, Delay: 200 * time.Millisecond})
			s.configure(1, noticesDeathsEarly)
			dir := s.export("export", sample.NIP(0), 6)
			first := s.start()
			s.submit("--lane", "bulk", dir)
			s.receipted(6, time.Minute)
			original := s.bed.Simulator.Books().Sessions[0].ID
			first.kill()
			if err := s.rdb.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(s.bed.ArchiveDir()); err != nil { // the receipt in the archive would prove all six
				t.Fatal(err)
			}
			tr := newTrap(true)
			trapped := gatewayTrap(t, s.bed.GatewayURL(), "invoiceGet", when, tr)
			s.configure(1, noticesDeathsEarly, gatewayAt(withoutReceiptOf(t, trapped, original)))
			tr.arm(s.start())
			s.submit("--lane", "bulk", dir)
			tr.await(t)
			s.start()
			// Without the receipt of the original's session the invoices stay accepted. The receipt
			// is asked for again, with growing pauses.
			s.reached(ledger.Accepted, 6, 3*time.Minute)
			s.balanced(6)
			for _, inv := range s.invoices(ledger.Accepted) {
				if !inv.Recovered || inv.KsefNumber == "" {
					t.Errorf("%s: recovered is %v and its KSeF number is %q, want true and a number",
						inv.Number, inv.Recovered, inv.KsefNumber)
				}
			}
		})
	}
}

// withoutReceiptOf starts a relay in front of a gateway and returns the relay's address. When the
// worker asks for the receipt of this session, the relay answers that it does not know the session.
func withoutReceiptOf(t *testing.T, to, session string) string {
	t.Helper()
	unknown := &answer{
		status: http.StatusBadRequest, header: http.Header{"Content-Type": {"application/json"}},
		body: []byte(`{"error":{"code":21173,"description":"Brak sesji o wskazanym numerze referencyjnym","details":null}}`),
	}
	return relay(t, to, func(w http.ResponseWriter, r *http.Request, forward func() (*answer, error)) {
		if steps["upo"](r) && strings.HasSuffix(r.URL.Path, session) {
			unknown.write(w)
			return
		}
		a, err := forward()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		a.write(w)
	})
}
