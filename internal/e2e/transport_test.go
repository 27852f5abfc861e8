package e2e_test

import (
	"testing"

	"ksefworker/config"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/limits"
	"ksefworker/internal/simulator/ministry"
	"ksefworker/internal/testbed"
)

// transports are the ways to KSeF, for what is measured on both.
var transports = []config.Transport{config.GatewayTransport, config.DirectTransport}

// eachTransport runs a test once for each way to KSeF.
func eachTransport(t *testing.T, test func(t *testing.T, way config.Transport)) {
	t.Helper()
	for _, way := range transports {
		t.Run(string(way), func(t *testing.T) { test(t, way) })
	}
}

// newSiteBy is newSite for one tenant, which goes to KSeF in this way. With the profile Unlimited,
// the simulated API of the Ministry says of every group that the tenant has no limits.
func newSiteBy(t testing.TB, o simulator.Options, way config.Transport) *site {
	t.Helper()
	if way == config.GatewayTransport {
		return newSite(t, o)
	}
	nip := sample.NIP(0)
	m := &ministry.Options{Tokens: testbed.Tokens(nip)}
	if o.Profile == simulator.Unlimited {
		for group := range limits.Usual() {
			m.Allowances = append(m.Allowances, ministry.Allowance{
				NIP: nip, Group: group, Limits: limits.Allowance{Second: -1, Minute: -1, Hour: -1},
			})
		}
	}
	s := newSiteOf(t, o, m)
	s.direct = []string{nip}
	return s
}
