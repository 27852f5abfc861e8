package results

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ksefworker/internal/ledger"
)

// resultFields are promised to scripts outside. Every document has them in this order.
const resultFields = "id file nip number kind issue_date hash state ksef_number code reason package session " +
	"upo verification_url attempts deadline updated_at tenant revision recovered qr_link"

const hash = "jli86Kp2Kw7jppX59P8VmjWRcwLTvsPK3DcPEB87mNk=" // any SHA-256 in Base64

func acceptedInvoice() ledger.Invoice {
	return ledger.Invoice{
		Facts:  ledger.Facts{ID: "inv-a", File: "a.xml", NIP: "5265877635", Kind: "VAT", IssueDate: "2026-11-23", Tenant: "One"},
		Number: "FV/1", Hash: hash, State: ledger.Accepted, KsefNumber: "5265877635-20250826-0100001AF629-AF",
		Code: 200, Reason: "ok", Package: "pkg-1", Session: "s-1", UPO: "file:///upo.xml", Attempts: 2, Rev: 7, Recovered: true,
		Deadline:  ledger.At(time.Date(2026, 11, 24, 23, 0, 0, 0, time.UTC)),
		UpdatedAt: ledger.At(time.Date(2026, 11, 23, 11, 2, 42, 84e6, time.FixedZone("", 3600))),
	}
}

func TestOf_FullOrEmptyEntry_HasExactlyThePromisedFields(t *testing.T) {
	for name, inv := range map[string]ledger.Invoice{"everything": acceptedInvoice(), "nothing": {}} {
		raw, err := json.Marshal(Of(inv, "test"))
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(raw, &fields); err != nil {
			t.Fatal(err)
		}
		want := slices.Sorted(slices.Values(strings.Fields(resultFields)))
		if d := cmp.Diff(want, slices.Sorted(maps.Keys(fields))); d != "" {
			t.Errorf("%s: the result does not have the promised fields (-want +got): %s", name, d)
		}
		at := 0
		for _, f := range strings.Fields(resultFields) {
			next := strings.Index(string(raw), `"`+f+`":`)
			if next < at {
				t.Errorf("%s: %s is out of order in %s", name, f, raw)
			}
			at = next
		}
	}
}

func TestOf_FullEntry_EveryFieldIsFilled(t *testing.T) {
	got := Of(acceptedInvoice(), "production")
	want := Result{
		ID: "inv-a", File: "a.xml", NIP: "5265877635", Number: "FV/1", Kind: "VAT", IssueDate: "2026-11-23", Hash: hash,
		State: "accepted", KsefNumber: "5265877635-20250826-0100001AF629-AF", Code: 200, Reason: "ok",
		Package: "pkg-1", Session: "s-1", UPO: "file:///upo.xml", Attempts: 2, Tenant: "One",
		VerificationURL: "https://qr.ksef.mf.gov.pl/invoice/5265877635/23-11-2026/jli86Kp2Kw7jppX59P8VmjWRcwLTvsPK3DcPEB87mNk",
		QRLink:          "https://qr.ksef.mf.gov.pl/invoice/5265877635/23-11-2026/jli86Kp2Kw7jppX59P8VmjWRcwLTvsPK3DcPEB87mNk",
		Revision:        7, Recovered: true,
		Deadline: "2026-11-24T23:59:59+01:00", UpdatedAt: "2026-11-23T10:02:42Z",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the result of a full entry differs (-want +got):\n%s", d)
	}
}

func TestOf_VerificationLink_HasTheEnvironmentsHostOrIsEmpty(t *testing.T) {
	change := func(f func(*ledger.Invoice)) ledger.Invoice { inv := acceptedInvoice(); f(&inv); return inv }
	for _, c := range []struct {
		what, environment string
		inv               ledger.Invoice
		want              string
	}{
		{"the test environment", "test", acceptedInvoice(), "https://qr-test.ksef.mf.gov.pl/invoice/"},
		{"a custom environment", "custom", acceptedInvoice(), "https://qr-test.ksef.mf.gov.pl/invoice/"},
		{"the production environment", "production", acceptedInvoice(), "https://qr.ksef.mf.gov.pl/invoice/"},
		{"an unknown environment", "prod", acceptedInvoice(), ""},
		{"a hash that is not Base64", "test", change(func(i *ledger.Invoice) { i.Hash = "???" }), ""},
		{"a rejected invoice", "test", change(func(i *ledger.Invoice) { i.State = ledger.Rejected }), ""},
		{"a parked invoice", "test", change(func(i *ledger.Invoice) { i.State = ledger.Parked }), ""},
		{"a waiting invoice: offline24 prints the link before KSeF has it", "test",
			change(func(i *ledger.Invoice) { i.State = ledger.Queued }), "https://qr-test.ksef.mf.gov.pl/invoice/"},
		{"a hash of another length", "test", change(func(i *ledger.Invoice) { i.Hash = "QUJD" }), ""},
		{"a seller without a valid NIP", "test", change(func(i *ledger.Invoice) { i.NIP = "x/y" }), ""},
		{"a date that does not exist", "test", change(func(i *ledger.Invoice) { i.IssueDate = "2026-02-31" }), ""},
		{"a hash with + and /, which have another meaning in a URL", "test",
			change(func(i *ledger.Invoice) { i.Hash = "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8=" }),
			"https://qr-test.ksef.mf.gov.pl/invoice/5265877635/23-11-2026/-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8"},
	} {
		got := Of(c.inv, c.environment).VerificationURL
		if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: the link is %q, want it to begin with %q", c.what, got, c.want)
		}
	}
}

// A deadline at midnight in Warsaw is shown as the last second of the day that ends, in summer and
// in winter. Every other deadline is shown as it is, in Warsaw's time.
func TestOf_DeadlineAtMidnight_HasTheDateOfTheDayThatEnds(t *testing.T) {
	for given, want := range map[string]string{
		"2026-11-24T23:00:00Z": "2026-11-24T23:59:59+01:00", "2026-07-01T22:00:00Z": "2026-07-01T23:59:59+02:00",
		"2026-11-24T15:00:00Z": "2026-11-24T16:00:00+01:00", "2026-11-24T23:00:01Z": "2026-11-25T00:00:01+01:00",
	} {
		at, err := time.Parse(time.RFC3339, given)
		if err != nil {
			t.Fatal(err)
		}
		if got := Of(ledger.Invoice{Deadline: ledger.At(at)}, "test").Deadline; got != want {
			t.Errorf("%s is shown as %s, want %s", given, got, want)
		}
	}
}

func TestOf_UnknownTimes_AreEmptyNotTheYearOne(t *testing.T) {
	if r := Of(ledger.Invoice{}, "test"); r.Deadline != "" || r.UpdatedAt != "" {
		t.Errorf("unknown times are shown as %q and %q, want empty", r.Deadline, r.UpdatedAt)
	}
}
