package limits

import (
	mathrand "math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Requests come at random times. For each request, the test counts every window again from the
// beginning.
func TestLimiter_RandomRequests_AgreesWithBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := New(true, 1)
		l.table[InvoiceSend] = []window{{"second", time.Second, 3}, {"minute", time.Minute, 7}, {"hour", time.Hour, 12}}
		now := noon
		var admitted []time.Time
		pauses := []time.Duration{
			0, time.Millisecond, 333 * time.Millisecond, time.Second, 10 * time.Second, time.Minute, 20 * time.Minute,
		}
		steps := rapid.SliceOfN(rapid.SampledFrom(pauses), 1, 80).Draw(t, "steps")
		for i, step := range steps {
			now = now.Add(step)
			fits := true
			for _, w := range l.table[InvoiceSend] {
				n := 0
				for _, at := range admitted {
					if at.After(now.Add(-w.span)) {
						n++
					}
				}
				fits = fits && n < w.limit
			}
			blocked := now.Before(l.track("a", InvoiceSend).blockedUntil)
			_, refused := l.Arrive("a", InvoiceSend, func() time.Time { return now })
			if refused != (!fits || blocked) {
				t.Fatalf("request %d is refused: %v; every window has room: %v, the group is blocked: %v", i, refused, fits, blocked)
			}
			if !refused {
				admitted = append(admitted, now)
			}
		}
	})
}

// The first block ends exactly when every window has room for one more request. The test counts the
// windows itself.
func TestLimiter_Wait_IsEnoughAndNotTooLong(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(1, 2))
	for range 200 {
		l := New(true, 1)
		now := noon
		clock := func() time.Time { return now }
		var admitted []time.Time
		fits := func(at time.Time) bool {
			for _, w := range l.table[BatchSession] {
				n := 0
				for _, a := range admitted {
					if a.After(at.Add(-w.span)) {
						n++
					}
				}
				if n >= w.limit {
					return false
				}
			}
			return true
		}
		pace := time.Duration(random.Int64N(int64(time.Minute))) + 1 // a slower pace would never use up the hour's allowance
		for {
			now = now.Add(time.Duration(random.Int64N(int64(pace))))
			wait, refused := l.Arrive("a", BatchSession, clock)
			if !refused {
				admitted = append(admitted, now)
				continue
			}
			if early, then := fits(now.Add(wait-1)), fits(now.Add(wait)); early || !then {
				t.Fatalf("after the wait of %v every window has room: %v, and a nanosecond earlier: %v; want true and false",
					wait, then, early)
			}
			if _, other := l.Arrive("b", BatchSession, clock); other {
				t.Fatal("another account is refused")
			}
			now = now.Add(wait)
			if _, again := l.Arrive("a", BatchSession, clock); again {
				t.Fatal("the request is refused although it waited as long as it was told")
			}
			break
		}
	}
}

func TestLimiter_EachGroup_HasTheWindowsOfTheTable(t *testing.T) {
	for group, want := range map[string][3]int{
		"onlineSession": {10, 30, 120}, "onlineSessionClose": {20, 60, 240}, "invoiceSend": {10, 30, 180},
		"batchSession": {10, 20, 60}, "batchSessionClose": {20, 40, 120}, "invoiceStatus": {30, 120, 1200},
		"sessionInvoiceList": {10, 20, 200}, "sessionMisc": {10, 120, 1200}, "invoiceDownload": {8, 16, 64},
		"invoiceMetadata": {8, 16, 20}, "invoiceExport": {8, 16, 20}, "invoiceExportStatus": {10, 60, 600},
		"sessionList": {5, 10, 60}, "other:publicKey": {10, 30, 120},
	} {
		// With these pauses the window of the second, of the minute or of the hour is full first.
		gaps := []time.Duration{0, time.Minute / time.Duration(want[1]+1), time.Hour / time.Duration(want[2]+1)}
		for i, gap := range gaps {
			l := New(true, 1)
			now, n := noon, 0
			for ; n < 5000; n++ {
				if _, refused := l.Arrive("a", group, func() time.Time { return now }); refused {
					break
				}
				now = now.Add(gap)
			}
			if n != want[i] {
				t.Errorf("group %s: %d requests pass in the window %s, want %d",
					group, n, l.windows(Allowance{1, 1, 1})[i].name, want[i])
			}
			if v := l.violations[0]; v.Group != group || v.Count != want[i]+1 || v.Window != l.table[Others][i].name {
				t.Errorf("group %s: the violation is %+v, want this group, the window %s and the count %d",
					group, v, l.table[Others][i].name, want[i]+1)
			}
		}
	}
}

func TestLimiter_RefusedAgain_BlockGetsLonger(t *testing.T) {
	l := New(true, 1)
	now := noon
	clock := func() time.Time { return now }
	fill := func() time.Duration {
		for {
			if wait, refused := l.Arrive("a", OnlineSession, clock); refused {
				return wait
			}
		}
	}
	var waits []time.Duration
	for range 3 {
		wait := fill()
		waits = append(waits, wait)
		now = now.Add(wait)
	}
	if waits[0] != time.Second || waits[1] != 2*time.Second || waits[2] < 4*time.Second {
		t.Errorf("the blocks last %v, want 1s, 2s and at least 4s", waits)
	}
	wait := fill()
	if again, _ := l.Arrive("a", OnlineSession, clock); again != wait {
		t.Errorf("a request at the moment of the refusal lengthened the block from %v to %v, want it unchanged", wait, again)
	}
	now = now.Add(2 * time.Second)
	if again, refused := l.Arrive("a", OnlineSession, clock); !refused || again <= wait {
		t.Errorf("a request two seconds into the block of %v leaves a block of %v, want a longer one", wait, again)
	}
	if _, refused := l.Arrive("a", InvoiceSend, clock); refused {
		t.Error("another group is blocked too")
	}
	now = now.Add(10 * time.Hour)
	if wait := fill(); wait != time.Second {
		t.Errorf("hours later a first refusal blocks for %v, want 1s, because old refusals no longer count", wait)
	}
}

func TestLimiter_Scale_ShortensWindows(t *testing.T) {
	l := New(true, 60)
	now := noon
	clock := func() time.Time { return now }
	for i := range 180 { // an hour's sends in a minute
		if wait, refused := l.Arrive("a", InvoiceSend, clock); refused {
			t.Fatalf("request %d has to wait %v, want that it passes", i, wait)
		}
		now = now.Add(time.Minute / 180)
	}
}

func TestSet_OwnAllowance_HoldsForThatAccountAloneAndIsReported(t *testing.T) {
	l := New(true, 1)
	l.Set("a", InvoiceSend, Allowance{Second: 2, Minute: NoLimit, Hour: NoLimit})
	l.Set("b", Others, Allowance{Second: 1, Minute: 1, Hour: 1})
	passed := func(account, group string) (n int) {
		for ; n < 1000; n++ {
			if _, refused := l.Arrive(account, group, func() time.Time { return noon }); refused {
				break
			}
		}
		return n
	}
	for _, c := range []struct {
		account, group string
		want           int
	}{{"a", InvoiceSend, 2}, {"b", InvoiceSend, 10}, {"b", Other("publicKey"), 1}, {"a", Other("publicKey"), 10}, {"a", Anonymous, 60}} {
		if n := passed(c.account, c.group); n != c.want {
			t.Errorf("%s %s: %d requests pass, want %d", c.account, c.group, n, c.want)
		}
	}
	if told := l.Allowances("a"); told[InvoiceSend] != (Allowance{2, NoLimit, NoLimit}) || told[Others] != (Allowance{10, 30, 120}) {
		t.Errorf("the limits of the account are %+v, want its own for sending and the usual ones for others", told)
	}
	if told := New(false, 1).Allowances("a"); told[InvoiceSend] != (Allowance{NoLimit, NoLimit, NoLimit}) {
		t.Errorf("a limiter that refuses nothing reports the limits %+v, want none", told)
	}
	l.Reset("b")
	if told := l.Allowances("b"); told[Others] != (Allowance{10, 30, 120}) || l.Allowances("a")[InvoiceSend].Second != 2 {
		t.Errorf("after the reset of account b its limits are %+v and those of account a are %+v, want the usual ones for b and a's own",
			told, l.Allowances("a"))
	}
	l.Set("free", InvoiceSend, Allowance{NoLimit, NoLimit, NoLimit})
	if n := passed("free", InvoiceSend); n != 1000 {
		t.Errorf("%d requests pass without a limit, want 1000", n)
	}
}
