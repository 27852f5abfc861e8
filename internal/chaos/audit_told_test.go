//go:build unix

package chaos

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
)

func TestCheckToldOf_EveryImbalance_IsReported(t *testing.T) {
	const number = "5265877635-20261123-0100001AF629-AF"
	start := time.Now()
	call := func(second int, id string, rev int64, state, ksef string) told {
		return told{at: start.Add(time.Duration(second) * time.Second), ID: id, Revision: rev, State: state, KsefNumber: ksef, Reason: "r"}
	}
	accepted, receipted := call(1, "inv-1", 4, "accepted", number), call(2, "inv-1", 5, "receipted", number)
	failover := []time.Time{start.Add(1500 * time.Millisecond)}
	for _, c := range []struct {
		why       string
		refused   bool
		told      []told
		state     ledger.State
		failovers []time.Time
		says      string // "" when it balances
	}{
		{"everything is as it must be", false, []told{accepted, receipted}, ledger.Receipted, nil, ""},
		{"accepted is told again later", false, []told{accepted, accepted, receipted, accepted}, ledger.Receipted, nil, ""},
		{"nothing was told", false, nil, ledger.Receipted, nil, "told of 0 invoices"},
		{"receipted is never told", false, []told{accepted}, ledger.Receipted, nil, "told accepted"},
		{"accepted is never told", false, []told{receipted}, ledger.Receipted, nil, "never told that it is accepted"},
		{"receipted is told before accepted", false, []told{receipted, accepted}, ledger.Receipted, nil,
			"revision 4 (accepted) after revision 5"},
		{"receipted is told before accepted, with a failover between them", false,
			[]told{call(1, "inv-1", 5, "receipted", number), call(2, "inv-1", 4, "accepted", number)}, ledger.Receipted, failover, ""},
		{"the ledger lacks the invoice", false, []told{call(1, "inv-2", 4, "accepted", number)}, ledger.Receipted, nil,
			"not in the ledger"},
		{"results of two invoices are told", false, []told{accepted, receipted, call(3, "inv-2", 4, "accepted", number)},
			ledger.Receipted, nil, "told of 2 invoices"},
		{"receipted is told with another KSeF number", false, []told{accepted, call(2, "inv-1", 5, "receipted", "other")},
			ledger.Receipted, nil, "told receipted other"},
		{"accepted is told, but the ledger says sent", false, []told{accepted}, ledger.Sent, nil, "the ledger says sent"},
		{"the folder refused the invoice, and that is told", true, []told{call(1, "ref-1", 1, "refused", "")}, "", nil, ""},
		{"the folder refused the invoice, but it was sent", true, []told{call(1, "ref-1", 1, "refused", ""), accepted}, "", nil,
			"the folder refused it"},
		{"the folder refused the invoice, and nothing is told", true, nil, "", nil, "the folder refused it"},
	} {
		t.Run(c.why, func(t *testing.T) {
			entries := map[string]ledger.Invoice{"inv-1": {State: c.state, KsefNumber: number}}
			err := checkToldOf(&item{refused: c.refused}, slices.Clone(c.told), c.failovers, entries)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("the check says %v, want %q in it (\"\" for no error)", err, c.says)
			}
		})
	}
}
