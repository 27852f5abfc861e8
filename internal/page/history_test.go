package page_test

import (
	"regexp"
	"strings"
	"testing"

	"ksefworker/internal/ledger"
)

// KSeF refused the first session of an invoice as a whole, so the invoice is in a second package.
// Its history names both packages.
func TestHistory_FirstSessionWasRefused_NamesBothPackages(t *testing.T) {
	w := newWorld(t, nil)
	id := w.take("A", sellerA, "FV/1", ledger.Queued, "")
	inv, err := w.ledger.Invoice(t.Context(), id)
	w.check(err)
	w.check(w.ledger.Wait(t.Context(), &inv))
	_, err = w.ledger.Cut(t.Context(), "pkg-1", ledger.Group{Tenant: "A", Form: "v3"}, ledger.CutLimits{Invoices: 1, Bytes: 1 << 20})
	w.check(err)
	p, err := w.ledger.Package(t.Context(), "pkg-1")
	w.check(err)
	now, err := w.ledger.Clock(t.Context())
	w.check(err)
	step := func(m ledger.PackageMove) { t.Helper(); w.check(w.ledger.MovePackage(t.Context(), &p, m)) }
	step(ledger.PackageMove{To: ledger.PackageOpened, Edit: ledger.PackageEdit{}.Opened("session-1", "", ledger.At(now))})
	step(ledger.PackageMove{To: ledger.PackageUploaded})
	step(ledger.PackageMove{To: ledger.PackageClosing, InvoicesFrom: []ledger.State{ledger.Packed}, InvoicesTo: ledger.Sending,
		Edit: ledger.PackageEdit{}.ClosingAt(ledger.At(now)).Code(435)})
	w.check(w.ledger.Repack(t.Context(), &p, ledger.PackageFailed, "the key", []ledger.Part{
		{ID: "pkg-2", Refusals: 1, IDs: []string{id}}}))
	_, body, _ := w.as("olga").get("/invoices/" + id)
	var steps []string
	for _, m := range regexp.MustCompile(`(?s)<li><time>[^<]*</time> <span>(.*?)</span></li>`).FindAllStringSubmatch(body, -1) {
		steps = append(steps, regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m[1], ""))
	}
	got := strings.Join(steps, "\n")
	for _, want := range []string{"Handed in FV/1.xml", "Put into a package pkg-1", "Session opened in KSeF session-1",
		"Session closed session-1", "The session failed as a whole session-1 (435)", "Put into a package pkg-2"} {
		if !strings.Contains(got, want) {
			t.Errorf("the history does not tell %q:\n%s", want, got)
		}
	}
	if !strings.HasPrefix(got, "Handed in") || strings.Index(got, "pkg-1") > strings.Index(got, "pkg-2") {
		t.Errorf("the history does not begin with the handing in, or tells of pkg-2 before pkg-1:\n%s", got)
	}
}
