package settlement

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// register stands in for KSeF's register. It lists by time, in pages. The field most is the number
// of lines after which it cuts a set short.
type register struct {
	all  []ksef.Metadata // in the order of time
	most int
}

func (r register) page(req ksef.MetadataRequest) ksef.MetadataPage {
	var in []ksef.Metadata
	for _, m := range r.all {
		if at := m.PermanentStorageDate.Time; !at.Before(req.Range.From.Time) && !at.After(req.Range.To.Time) {
			in = append(in, m)
		}
	}
	page := ksef.MetadataPage{IsTruncated: len(in) > r.most}
	in = in[:min(len(in), r.most)]
	first := min(req.PageOffset*req.PageSize, len(in))
	last := min(first+req.PageSize, len(in))
	page.Invoices, page.HasMore = in[first:last], last < len(in)
	// On the last page KSeF says whether the set was cut short. On the pages before, it says only
	// that there are more.
	page.IsTruncated = page.IsTruncated && !page.HasMore
	return page
}

// A register of any size is read to the present, always onwards, and what is in it is found.
func TestRegister_AnySize_IsReadOnwardsAndWhatIsInItIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1200).Draw(t, "lines")
		r := register{most: rapid.SampledFrom([]int{300, 500, 10_000}).Draw(t, "cut short at")}
		start := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
		now := start.Add(time.Duration(rapid.IntRange(1, 200).Draw(t, "days")) * 24 * time.Hour)
		for i := range n {
			at := start.Add(now.Sub(start) / time.Duration(n+2) * time.Duration(i+1)).Truncate(time.Millisecond)
			r.all = append(r.all, ksef.Metadata{InvoiceNumber: fmt.Sprint("A/", i), KSeFNumber: ksefNumber(i),
				PermanentStorageDate: ksef.Time{Time: at}})
		}
		p, held := packageOf(0, ledger.PackageProcessing)
		p.ClosingAt = ledger.At(now.Add(-2 * time.Hour))
		missing := 0
		for i := range rapid.IntRange(1, 5).Draw(t, "wanted") {
			number := rapid.IntRange(0, n).Draw(t, "number")
			if number == n {
				missing++
			}
			held.Invoices = append(held.Invoices, ledger.Invoice{
				Facts: ledger.Facts{ID: fmt.Sprint("inv-", i), NIP: seller, IssueDate: "2026-01-09"},
				State: ledger.Sent, Package: place, Number: fmt.Sprint("A/", number), OriginalBy: BySearch,
			})
		}
		want := held.Undecided(place)
		from, err := PassFrom(p, want)
		if len(want) > 0 && (err != nil || from.IsZero()) {
			t.Fatalf("PassFrom = %v, %v, want a time and no error", from, err)
		}
		for ; len(want) > 0; p.Searched++ {
			req, rest, done := NextPage(p, ksef.Subject1, len(want), from, now)
			if rest != nil || done {
				t.Fatalf("before the register is read to its end, the rest of the pass is %v and done is %v, want nil and false",
					rest, done)
			}
			page := r.page(req)
			moves, left := Found(want, page.Invoices)
			for _, m := range moves {
				if m.Fate != LookUp || m.Original.By != ByRegister || m.Original.Number == "" || slices.Contains(left, m.Invoice) {
					t.Fatalf("the move is %+v, want it to note the KSeF number of an invoice that was not found yet", m)
				}
			}
			if len(moves)+len(left) != len(want) {
				t.Fatalf("of %d wanted invoices, %d are found and %d are left, which are not all", len(want), len(moves), len(left))
			}
			if want = left; len(want) == 0 {
				break
			}
			step := AfterPage(p, req, page, now)
			if step.GiveUp {
				break
			}
			if step.From.Before(req.Range.From.Time) || step.From.Equal(req.Range.From.Time) && step.Offset != req.PageOffset+1 {
				t.Fatalf("from %v, page %d, the pass goes to %v, page %d, which is not onwards",
					req.Range.From, req.PageOffset, step.From, step.Offset)
			}
			from, p.SearchPage = step.From, step.Offset
		}
		if len(want) != missing {
			t.Errorf("%d of the wanted invoices were not found, want only the %d that are not in the register", len(want), missing)
		}
	})
}

// If a pass reaches the present less than an hour after its package was closed, the search rests,
// longer each time. If a pass reaches the present later, the search gives up.
func TestRegister_ThePresent_RestsForAnHourThenGivesUp(t *testing.T) {
	p, held := packageOf(1, ledger.PackageProcessing)
	held.Invoices[0].IssueDate = "2026-11-25"
	p.ClosingAt = ledger.At(began)
	for minutes, want := range map[int]Step{1: {Rest: passRest}, 59: {Rest: passRest}, 60: {GiveUp: true}} {
		now := began.Add(time.Duration(minutes) * time.Minute)
		from, err := PassFrom(p, held.Undecided(place))
		if err != nil {
			t.Fatal(err)
		}
		req, _, _ := NextPage(p, ksef.Subject1, 1, from, now)
		if got := AfterPage(p, req, ksef.MetadataPage{}, now); got != want {
			t.Errorf("after %d minutes the step is %+v, want %+v", minutes, got, want)
		}
	}
	for n := range 30 {
		if got := PassRest(n + 1); got < PassRest(n) || got > passRestMax {
			t.Errorf("after %d passes the rest is %v, want %v to %v", n+1, got, PassRest(n), passRestMax)
		}
	}
	p.NextPass = ledger.At(began.Add(time.Minute))
	if _, rest, _ := NextPage(p, ksef.Subject1, 1, began, began); rest == nil || rest.Delay != time.Minute {
		t.Errorf("the rest is %+v, want a minute", rest)
	}
	p.NextPass, p.Searched = 0, registerMax
	if _, _, done := NextPage(p, ksef.Subject1, 1, began, began); !done {
		t.Error("NextPage goes on after registerMax pages, the most that a package may read")
	}
}

func TestNewPass_OnlyForAnotherPartOfTheRegister(t *testing.T) {
	for _, c := range []struct {
		before string
		as     ksef.SubjectType
		want   bool
	}{
		{"", ksef.Subject1, false},
		{"", ksef.Subject2, true},
		{"Subject1", ksef.Subject1, false},
		{"Subject2", ksef.Subject1, true},
		{"Subject2", ksef.Subject2, false},
	} {
		if got := NewPass(ledger.Package{SearchAs: c.before}, c.as); got != c.want {
			t.Errorf("from %q to %s: NewPass returns %v, want %v", c.before, c.as, got, c.want)
		}
	}
}

// An invoice that joins the search later may be of an earlier day than the first day of the pass.
func TestRegister_OneJoinsThePassLater_ItBeginsAgainOnlyForAnEarlierDay(t *testing.T) {
	p, held := packageOf(1, ledger.PackageProcessing)
	want := held.Undecided(place)
	want[0].IssueDate = "2026-03-10"
	p.SearchFrom, p.SearchFirst = ledger.At(began), ledger.At(time.Date(2026, 3, 10, 0, 0, 0, 0, invoice.Warsaw()))
	for day, again := range map[string]bool{"2026-03-10": false, "2026-03-11": false, "2026-03-09": true} {
		want[0].IssueDate = day
		if from, err := PassFrom(p, want); err != nil || from.IsZero() == again {
			t.Errorf("when an invoice of %s joins, PassFrom = %v, %v, want a new beginning: %v", day, from, err, again)
		}
	}
	p.SearchFirst = 0 // an entry of an earlier build
	if from, err := PassFrom(p, want); err != nil || !from.IsZero() {
		t.Errorf("in an entry of an earlier build, PassFrom = %v, %v, want no new beginning", from, err)
	}
}
