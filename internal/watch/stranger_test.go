package watch

import (
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// In the ledger, the name of the tenant means another taxpayer, for whom another process took in
// the first invoice under this name. The documents have no fault. They wait, and are handed in when
// the configuration is right again.
func TestWatch_NameMeansAnotherTaxpayer_FileWaitsUntilTheConfigurationIsRight(t *testing.T) {
	s := newSite(t)
	if _, err := ledger.New(s.rdb, ledger.Options{}).Bind(t.Context(), map[string]string{"one": sample.NIP(3)}); err != nil {
		t.Fatal(err)
	}
	s.put("a.xml", xmlOf(0, "FV/1"))
	s.put("b.xml", xmlOf(1, "FV/2"))
	s.passes(3)
	s.wantTree("taken/a.xml", "taken/b.xml", waitingName)
	s.waiting("taken/a.xml: tenant one is NIP "+sample.NIP(3)+" in the ledger, and NIP "+sample.NIP(0)+
		" in this configuration: correct the NIP",
		"    w rejestrze podatnik one ma NIP "+sample.NIP(3)+", a w tej konfiguracji NIP "+sample.NIP(0)+
			": popraw NIP albo nadaj podatnikowi nazwę, której nie miał żaden inny; nic nie przyjęto")
	if n, err := s.ledger.OpenRefusals(t.Context()); n != 0 || err != nil {
		t.Errorf("%d refusals are on record (error %v), want none", n, err)
	}
	s.must(s.rdb.HSet(t.Context(), "ksef:taxpayers", "one", sample.NIP(0)).Err())
	s.clock = s.clock.Add(2 * time.Minute)
	s.passes(3)
	s.wantTree("taken/a.xml", "taken/b.xml")
	if n := s.entries(); n != 2 {
		t.Errorf("%d invoices are in the ledger, want both", n)
	}
}
