package fatest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"ksefworker/internal/simulator/fa/fatest"
)

// The sample must be valid against the Ministry's schema as well as under the simulator's rules.
func TestSample_AgainstTheMinistrysSchema(t *testing.T) {
	dir := os.Getenv("KSEF_SCHEMA_DIR")
	if dir == "" {
		t.Skip("KSEF_SCHEMA_DIR is not set")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "schemat_FA(3)_v1-0E.xsd"))
	if err != nil {
		t.Fatal(err)
	}
	base, err := filepath.Abs(filepath.Join(dir, "bazowe", "StrukturyDanych_v10-0E.xsd"))
	if err != nil {
		t.Fatal(err)
	}
	const types = "http://crd.gov.pl/xml/schematy/dziedzinowe/mf/2022/01/05/eD/DefinicjeTypy/StrukturyDanych_v10-0E.xsd"
	local := fatest.Swap(t, string(raw), `schemaLocation="`+types+`"`, fmt.Sprintf("schemaLocation=%q", "file://"+base))
	schema := filepath.Join(t.TempDir(), "fa3.xsd")
	if err := os.WriteFile(schema, []byte(local), 0o600); err != nil {
		t.Fatal(err)
	}
	fatest.Validate(t, "KSEF_SCHEMA_DIR", schema, []byte(fatest.Invoice(fatest.SellerA, "FV/1", fatest.Today)))
}
