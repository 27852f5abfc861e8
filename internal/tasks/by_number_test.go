package tasks_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/simulator"
)

// KSeF's own API finds an invoice by its number and tells the hash of its content. So a duplicate
// that no receipt proves costs one request of the register. The original is fetched only when the
// register tells another hash, tells none or refuses the request. In that case the contents are
// compared.
func TestRecover_RegisterTellsTheHash_ProvenWithoutADownload(t *testing.T) {
	noHash := func(page ksef.MetadataPage, err error) (ksef.MetadataPage, error) {
		for i := range page.Invoices {
			page.Invoices[i].Hash = ""
		}
		return page, err
	}
	refused := func(ksef.MetadataPage, error) (ksef.MetadataPage, error) {
		return ksef.MetadataPage{}, refusedError("list metadata")
	}
	for _, c := range []struct {
		why                 string
		fault               string // what is wrong with KSeF's reference to the original
		page                func(ksef.MetadataPage, error) (ksef.MetadataPage, error)
		same                bool // the content is the same as the original's
		want                ledger.State
		says                string
		searches, downloads int // -1 searches: any number up to 20
	}{
		{"the original is named", "", nil, true, ledger.Accepted, "", 1, 0},
		{"the original is named, other content", "", nil, false, ledger.Parked, "conflict", 1, 1},
		{"the original is named, reading the register is not permitted", "", refused, true, ledger.Accepted, "", 1, 1},
		{"nothing is named", simulator.OmitOriginal, nil, true, ledger.Accepted, "", 1, 0},
		{"nothing is named, other content", simulator.OmitOriginal, nil, false, ledger.Parked, "conflict", 1, 1},
		{"nothing is named, no hash is told", simulator.OmitOriginal, noHash, true, ledger.Accepted, "", 1, 1},
		{"another invoice is named", simulator.WrongOriginal, nil, true, ledger.Accepted, "", 1, 0},
		{"nothing is named, the register does not list it", simulator.OmitOriginal, noPages, true, ledger.Parked, "does not say which", -1,
			0},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			s, client := newDirectStage(t, withFault(c.fault))
			w := s.worker("w", client)
			docs := [][]byte{s.seeded("B/1", 7), s.seeded("A/1", 1)}
			original := s.known(w, docs...)[1]
			s.advance(time.Minute) // after that the register lists the original
			before := s.sim.Books().Requests
			client.upo, client.page = notGiven, c.page
			doc := docs[1]
			if !c.same {
				doc = s.seeded("A/1", 2)
			}
			id := s.admit(ledger.Bulk, doc).ID
			pkg := s.sent(w, ledger.Invoice{Facts: ledger.Facts{ID: id}, Lane: ledger.Bulk})
			inv, _ := s.final(w, pkg, id)
			if inv.State != c.want || !strings.Contains(inv.Reason, c.says) {
				t.Fatalf("the invoice is %s: %q; want %s with a reason that contains %q", inv.State, inv.Reason, c.want, c.says)
			}
			if c.want == ledger.Accepted && (inv.KsefNumber != original.KsefNumber || !inv.Recovered) {
				t.Errorf("the invoice is accepted as %s, recovered: %v; want it recovered, with the original's number %s",
					inv.KsefNumber, inv.Recovered, original.KsefNumber)
			}
			after := s.sim.Books().Requests
			searches, downloads := after["invoiceMetadata"]-before["invoiceMetadata"], after["invoiceDownload"]-before["invoiceDownload"]
			if c.searches >= 0 && searches != c.searches || downloads != c.downloads {
				t.Errorf("%d searches and %d downloads, want %d and %d", searches, downloads, c.searches, c.downloads)
			}
			if searches > 20 {
				t.Errorf("the register was searched %d times, want at most 20", searches)
			}
		})
	}
}
