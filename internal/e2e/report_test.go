package e2e_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

var grossInXML = regexp.MustCompile(`<P_15>(-?[0-9.]+)</P_15>`)

// booked adds up, by seller, P_15 of the invoices that the simulator's books have as accepted. The
// books have the hashes of the invoices, and the exported files have their amounts.
func (s *site) booked(dirs ...string) map[string]*big.Rat {
	s.t.Helper()
	byHash := map[string]*big.Rat{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.xml"))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, file := range files {
			doc, err := os.ReadFile(file)
			if err != nil {
				s.t.Fatal(err)
			}
			sum := sha256.Sum256(doc)
			if found := grossInXML.FindSubmatch(doc); found != nil {
				byHash[hex.EncodeToString(sum[:])], _ = new(big.Rat).SetString(string(found[1]))
			}
		}
	}
	sums := map[string]*big.Rat{}
	for _, a := range s.bed.Simulator.Books().Accepted {
		if sums[a.NIP] == nil {
			sums[a.NIP] = new(big.Rat)
		}
		gross := byHash[a.Hash]
		if gross == nil {
			s.t.Fatalf("no file has the hash of %s", a.KsefNumber)
		}
		sums[a.NIP].Add(sums[a.NIP], gross)
	}
	return sums
}

// Two tenants hand in invoices, among them corrections whose amounts are negative, and KSeF rejects
// some. The report's sums agree with KSeF's, both with the ledger and without it. An accepted
// invoice can be proven.
func TestReport_AfterAnExport_AgreesWithTheBooksOfKSeF(t *testing.T) {
	s := newSite(t, simulator.Options{Faults: []simulator.Fault{
		{Kind: simulator.InvoiceStatus, Number: "BAD/*", Code: 450, Times: -1},
	}})
	s.configure(2, func(c *config.Config) { c.Confirm.First, c.Confirm.Max = 200*time.Millisecond, time.Second })
	const each, rejected = 20, 3
	kinds := func(i int, o *sample.Options) {
		if i%5 == 4 {
			o.Kind = "KOR"
		}
	}
	dirs := []string{s.export("a", sample.NIP(0), each, kinds), s.export("b", sample.NIP(1), each+5, kinds)}
	for i := range rejected {
		doc := sample.Invoice(sample.Options{SellerNIP: sample.NIP(0), IssueDate: today(), Number: fmt.Sprintf("BAD/%d", i)})
		if err := os.WriteFile(filepath.Join(dirs[0], fmt.Sprintf("bad-%d.xml", i)), doc, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.submit(dirs...)
	s.start()
	s.receipted(2*each+5, time.Minute)
	s.reached(ledger.Rejected, rejected, time.Minute)
	booked := s.booked(dirs...)
	if len(booked) != 2 {
		t.Fatalf("the books have %d sellers, want 2", len(booked))
	}
	s.eventually(20*time.Second, func() (bool, string) { // the results of rejected invoices reach the archive, too
		found, err := filepath.Glob(filepath.Join(s.bed.ArchiveDir(), "*", "*", "inv-*.json"))
		return err == nil && len(found) == 2*each+5+rejected, fmt.Sprintf("%d results in the archive, %v", len(found), err)
	})
	for _, from := range [][]string{nil, {"--archive-only"}} {
		code, out := s.enqueue(append([]string{"report", "--from", today(), "--to", today(), "--format", "csv"}, from...)...)
		if code != 0 {
			t.Fatalf("enqueue report ended with exit code %d:\n%s", code, out)
		}
		for nip, want := range booked {
			n := each
			if nip == sample.NIP(1) {
				n += 5
			}
			line := fmt.Sprintf("%s,%s,receipted,PLN,%d,%s,0\n", nip, today(), n, want.FloatString(2))
			if !strings.Contains(out, line) {
				t.Errorf("report %v lacks %q:\n%s", from, line, out)
			}
		}
		if line := fmt.Sprintf("%s,%s,rejected,PLN,%d,", sample.NIP(0), today(), rejected); !strings.Contains(out, line) {
			t.Errorf("report %v lacks %q:\n%s", from, line, out)
		}
	}
	s.proves(s.bed.Simulator.Books().Accepted[0])
}

// proves writes the proof of an invoice, and checks that the document in the proof is the one that
// KSeF accepted.
func (s *site) proves(a simulator.Accepted) {
	s.t.Helper()
	file := filepath.Join(s.dir, "proof.zip")
	if code, out := s.enqueue("proof", a.KsefNumber, "--out", file); code != 0 || strings.Contains(out, "NO  ") {
		s.t.Fatalf("enqueue proof ended with exit code %d, or the proof is not whole:\n%s", code, out)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		s.t.Fatal(err)
	}
	doc, err := z.Open("faktura.xml")
	if err != nil {
		s.t.Fatal(err)
	}
	defer doc.Close()
	h := sha256.New()
	if _, err := io.Copy(h, doc); err != nil {
		s.t.Fatal(err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != a.Hash {
		s.t.Errorf("the document in the proof has hash %s, and KSeF has %s", got, a.Hash)
	}
}
