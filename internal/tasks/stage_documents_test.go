package tasks_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/sample"
)

// good makes a document of the first taxpayer that KSeF accepts.
func (sa *samples) good(number string) []byte { return sa.goodOf(sa.nip(), number) }

// goodOf does the same as good, for any taxpayer.
func (sa *samples) goodOf(nip, number string) []byte {
	return sample.Invoice(sample.Options{SellerNIP: nip, Number: number, IssueDate: sa.day})
}

// goodToday does the same as good, with the day of the stage's clock as P_1.
func (sa *samples) goodToday(number string) []byte {
	return sample.Invoice(sample.Options{SellerNIP: sa.nip(), Number: number, IssueDate: invoice.Today(sa.now())})
}

// bad makes a document that the intake accepts and KSeF rejects.
func (sa *samples) bad(number string) []byte {
	return sample.Bad(sample.MissingTotal, sample.Options{SellerNIP: sa.nip(), Number: number, IssueDate: sa.day})
}

// seeded makes a good document whose content depends on seed.
func (sa *samples) seeded(number string, seed uint64) []byte {
	return sample.Invoice(sample.Options{SellerNIP: sa.nip(), Number: number, IssueDate: sa.day, Seed: seed})
}

// large makes a good document that is kept in the archive, because it is too large for Redis.
func (sa *samples) large(number string, seed uint64) []byte { return sa.ofLines(number, 3500, seed) }

// ofLines makes a good document with this many lines.
func (sa *samples) ofLines(number string, lines int, seed uint64) []byte {
	return sample.Invoice(sample.Options{
		SellerNIP: sa.nip(), Number: number, IssueDate: sa.day, Lines: lines, Seed: seed,
	})
}

// incompressible makes an invoice of 2.9 MB whose bytes hardly compress. The sealed document is too
// large for Redis, so it is stored in the archive.
func incompressible(nip string, n int) []byte {
	doc := sample.Invoice(sample.Options{
		SellerNIP: nip, Number: fmt.Sprint("L/", n), IssueDate: invoice.Today(time.Now()), Attachment: true,
	})
	noise := make([]byte, (2_900_000-len(doc))/4*3)
	_, _ = rand.NewChaCha8([32]byte{byte(n), 1}).Read(noise)
	body, end, _ := bytes.Cut(doc, []byte("</Faktura>"))
	return slices.Concat(body, []byte("<!--"), base64.StdEncoding.AppendEncode(nil, noise), []byte("--></Faktura>"), end)
}

// billed makes a self-billed invoice. The second taxpayer is the buyer and issued it in the
// seller's name.
func (sa *samples) billed(seller, number string) []byte {
	sa.t.Helper()
	doc := sa.goodOf(seller, number)
	h, err := invoice.Parse(doc)
	if err != nil {
		sa.t.Fatal(err)
	}
	doc = bytes.Replace(doc, []byte("<P_17>2"), []byte("<P_17>1"), 1)
	return bytes.ReplaceAll(doc, []byte(h.BuyerNIP), []byte(sample.NIP(1)))
}

// exportedAgain returns the document that an ERP writes when it exports the invoice once more. Only
// the time of creation differs.
func exportedAgain(t *testing.T, doc []byte) []byte {
	t.Helper()
	second := bytes.ReplaceAll(doc, []byte("T08:15:00Z<"), []byte("T09:30:00Z<"))
	if bytes.Equal(second, doc) {
		t.Fatal("the document has no time of creation")
	}
	return second
}
