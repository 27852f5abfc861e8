package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ksefworker/config"
	"ksefworker/internal/results/sinks"
)

// A result carries the name that its tenant had when the document was handed in. If the tenant has
// another name now, the NIP tells whose result it is. So a receiver has to know the NIPs of all
// tenants.
func TestWanted_ReceiverOfOneTenantByNIP_KnowsTheNIPOfEachTenant(t *testing.T) {
	cfg := config.Config{Tenants: []config.Tenant{{NIP: "5265877635"}, {NIP: "5210000026", Name: "BB"}}}
	want := sinks.Wanted{Tenants: []string{"BB"}, Known: map[string]string{"5265877635": "5265877635", "BB": "5210000026"}}
	if d := cmp.Diff(want, wanted(cfg, []string{"5210000026"})); d != "" {
		t.Errorf("what the receiver wants differs (-want +got):\n%s", d)
	}
}
