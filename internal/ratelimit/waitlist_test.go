package ratelimit

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ksefworker/internal/redisd/redistest"
)

// ask books with a ticket. It returns the wait until the booked instant or, without a booking, the
// wait until the caller should come back.
func ask(t *testing.T, s Store, r Request, name string) (wait time.Duration, booked bool) {
	t.Helper()
	r.Ticket = name
	b, err := s.Book(t.Context(), r)
	if n, ok := errors.AsType[*NotNow](err); ok {
		return n.Wait, false
	}
	must(t, err)
	return b.Wait, true
}

func TestStore_Waitlist_EachIsToldItsOwnTurn_AsManyReturnAsMayGo(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		r := Request{Key: send, Limits: Limits{{3, 10 * time.Second}, {6, time.Minute}}}
		for range 3 {
			mustBook(t, s, r)
		}
		const ten, minute = 10*time.Second + tick, time.Minute + tick
		want := []time.Duration{ten, ten, ten, minute, minute, minute, minute + ten, minute + ten, minute + ten, 2 * minute, 2 * minute}
		for round := range 3 { // asking again changes nothing
			for i, d := range want {
				if got, booked := ask(t, s, r, fmt.Sprint(i)); got != d || booked {
					t.Errorf("round %d: caller %d is told %s (booked %v), want %s", round, i, got, booked, d)
				}
			}
		}
		if u, err := s.Usage(t.Context(), send, r.Limits); err != nil || u.Waitlisted != len(want) || u.Windows[0].Used != 3 {
			t.Errorf("the usage is %+v (error %v), want all callers on the waitlist and three booked", u, err)
		}
	})
}

func TestStore_Waitlist_NewcomerDoesNotPassWaitingCallers(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		r := Request{Key: send, Limits: Limits{{1, 10 * time.Second}}}
		mustBook(t, s, r)
		ask(t, s, r, "first")
		ask(t, s, r, "second")
		clock.advance(10*time.Second + tick) // it is the first caller's turn, but a newcomer asks before it
		if wait, booked := ask(t, s, r, "newcomer"); booked || wait != 2*(10*time.Second+tick) {
			t.Errorf("the newcomer waits %s and booked is %v, want %s, behind both callers, and false",
				wait, booked, 2*(10*time.Second+tick))
		}
		clock.advance(time.Second) // the first caller comes late, as a task queue may bring it
		if wait, booked := ask(t, s, r, "first"); !booked || wait != 0 {
			t.Errorf("the first caller waits %s and booked is %v, want it to go at once", wait, booked)
		}
		for name, want := range map[string]time.Duration{"second": 10*time.Second + tick, "newcomer": 2 * (10*time.Second + tick)} {
			if wait, booked := ask(t, s, r, name); booked || wait != want {
				t.Errorf("the %s caller waits %s and booked is %v, want %s and false", name, wait, booked, want)
			}
		}
	})
}

// Some callers on the waitlist are not back yet. A caller behind them books its own turn, and
// leaves their places before that turn free. So the turn of the next caller must not be computed as
// if the absent callers still needed places after the booking.
func TestStore_Waitlist_BookingAhead_KeepsThePlacesOfTheOthers(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		limits := Limits{{1, time.Second}}
		here := Request{Key: send, Limits: limits, MaxWait: 20 * time.Second}
		away := Request{Key: send, Limits: limits}
		mustBook(t, s, away)
		const turn = time.Second + tick
		for i := range 5 {
			ask(t, s, away, fmt.Sprint("away", i))
		}
		for i := range 5 {
			want := time.Duration(6+i) * turn
			if wait, booked := ask(t, s, here, fmt.Sprint("here", i)); !booked || wait != want {
				t.Errorf("caller %d behind five absent callers waits %s and booked is %v, want %s and true", i, wait, booked, want)
			}
		}
		if wait, _ := ask(t, s, away, "last"); wait != 11*turn {
			t.Errorf("a caller behind all the others waits %s, want %s, the eleventh turn", wait, 11*turn)
		}
		clock.advance(turn)
		for i := range 5 {
			want := time.Duration(i) * turn
			if wait, booked := ask(t, s, here, fmt.Sprint("away", i)); !booked || wait != want {
				t.Errorf("caller %d that is back in time waits %s and booked is %v, want %s and true", i, wait, booked, want)
			}
		}
	})
}

func TestStore_Waitlist_EarlyOrLateReturn_KeepsThePlaceAndOverrunsNothing(t *testing.T) {
	limits := Limits{{3, 10 * time.Second}, {7, time.Minute}}
	clock := newFakeClock()
	s := NewMemory(clock.now)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		r := Request{Key: Key{fmt.Sprintf("t%d", runs), "g"}, Limits: limits, MaxWait: 2 * time.Second}
		const callers = 25
		returns := map[int]time.Time{}
		var sent []time.Time
		var order []int
		start := clock.now()
		for i := range callers {
			returns[i] = start.Add(time.Duration(i) * time.Millisecond)
		}
		for len(returns) > 0 {
			next := -1
			for i, at := range returns {
				if next < 0 || at.Before(returns[next]) || (at.Equal(returns[next]) && i < next) {
					next = i
				}
			}
			if at := returns[next]; at.After(clock.now()) {
				clock.advance(at.Sub(clock.now()))
			}
			r.Ticket = fmt.Sprint(next)
			b, err := s.Book(t.Context(), r)
			var n *NotNow
			if errors.As(err, &n) {
				// Callers return up to two seconds early or a fifth of a second late.
				off := time.Duration(rapid.IntRange(-2000, 200).Draw(rt, "off")) * time.Millisecond
				returns[next] = clock.now().Add(max(n.Wait+off, time.Millisecond))
				continue
			}
			if err != nil {
				rt.Fatal(err)
			}
			delete(returns, next)
			sent, order = append(sent, b.At), append(order, next)
		}
		assertNoWindowOverrun(rt, sent, limits)
		// 25 requests at seven a minute end in the fourth minute. One lost place in each minute
		// would cost a minute more.
		if took := slices.MaxFunc(sent, time.Time.Compare).Sub(start); took > 3*time.Minute+30*time.Second {
			rt.Errorf("all were sent after %s, want at most three and a half minutes", took)
		}
		for at, caller := range order {
			if d := caller - at; d > 7 || d < -7 {
				rt.Errorf("caller %d went as number %d of %v, want at most 7 places from its turn", caller, at, order)
			}
		}
	})
}

func TestStore_Waitlist_NoReturn_LosesThePlace(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		r := Request{Key: send, Limits: Limits{{1, time.Minute}}}
		mustBook(t, s, r)
		ask(t, s, r, "dead")
		ask(t, s, r, "alive")
		clock.advance(time.Minute + tick + ticketTTL)
		if wait, booked := ask(t, s, r, "alive"); booked || wait != time.Minute+tick {
			t.Errorf("while the first caller may still return, the second waits %s and booked is %v, want %s and false",
				wait, booked, time.Minute+tick)
		}
		clock.advance(tick)
		if wait, booked := ask(t, s, r, "alive"); !booked || wait != 0 {
			t.Errorf("once the first caller has lost its place, the second waits %s and booked is %v, want it to go at once", wait, booked)
		}
	})
}

func TestStore_Waitlist_Leave_MovesTheOthersUp(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		r := Request{Key: send, Limits: Limits{{1, time.Minute}}}
		mustBook(t, s, r)
		ask(t, s, r, "a")
		ask(t, s, r, "b")
		must(t, s.Leave(t.Context(), send, "a"))
		must(t, s.Leave(t.Context(), send, "nobody"))
		must(t, s.Leave(t.Context(), Key{"1111111111", "x"}, "nobody"))
		if wait, _ := ask(t, s, r, "b"); wait != time.Minute+tick {
			t.Errorf("after the caller a has left, b waits %s, want %s, the turn of a", wait, time.Minute+tick)
		}
	})
}

func TestStore_Waitlist_UrgentCallersDoNotWaitBehindTheOthers(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		limits := Limits{{2, time.Minute}}
		bulk, urgent := Request{Key: send, Limits: limits, Reserve: 1}, Request{Key: send, Limits: limits}
		if _, booked := ask(t, s, bulk, "b0"); !booked {
			t.Fatal("the first caller got no place")
		}
		for i := range 5 {
			ask(t, s, bulk, fmt.Sprint("b", i+1))
		}
		if wait, booked := ask(t, s, urgent, "u0"); !booked || wait != 0 {
			t.Errorf("the urgent caller waits %s and booked is %v, want it to go at once", wait, booked)
		}
		// Places that become free go to urgent callers while any of them wait.
		if wait, booked := ask(t, s, urgent, "u1"); booked || wait != time.Minute+tick {
			t.Errorf("the second urgent caller waits %s and booked is %v, want %s and false", wait, booked, time.Minute+tick)
		}
		clock.advance(time.Minute + tick)
		if _, booked := ask(t, s, urgent, "u1"); !booked {
			t.Error("the second urgent caller did not go in its turn")
		}
		if _, booked := ask(t, s, bulk, "b1"); booked {
			t.Error("bulk got the place that is reserved")
		}
	})
}

func TestStore_Share_LeavesItsPartOfEachWindow(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, _ *fakeClock) {
		r := Request{Key: send, Limits: Limits{{20, time.Minute}}, Share: 0.25}
		for range 15 {
			mustBook(t, s, r)
		}
		_, err := s.Book(t.Context(), r)
		wantNotNow(t, err, time.Minute+tick, ReasonLimit)
		for range 5 {
			mustBook(t, s, Request{Key: send, Limits: r.Limits})
		}
		for _, bad := range []float64{-0.1, 1, 2} {
			if _, err := s.Book(t.Context(), Request{Key: send, Share: bad}); err == nil {
				t.Errorf("Book took the share %v", bad)
			}
		}
	})
}

// The test computes the expected instant by booking one caller after the other.
func TestSlot_IsTheInstantAfterAllAheadHaveBooked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := newFakeClock().now()
		limits := Limits{{rapid.IntRange(1, 4).Draw(t, "few"), 5 * time.Second}, {rapid.IntRange(2, 12).Draw(t, "many"), time.Minute}}
		var booked []time.Time
		at := now.Add(-time.Minute)
		for range rapid.IntRange(0, 20).Draw(t, "booked") {
			at = at.Add(time.Duration(rapid.IntRange(0, 20_000_000).Draw(t, "gap")) * us)
			// Some instants lie in the future, with free places before and between them. Their
			// callers booked behind other callers, which are not back yet.
			if Earliest(at, booked, limits, 0).Equal(at) {
				booked = append(booked, at)
			}
		}
		ahead := rapid.IntRange(0, limits[1].Limit-1).Draw(t, "ahead")
		taken := slices.Clone(booked)
		for range ahead {
			taken = append(taken, Earliest(now, taken, limits, 0))
			slices.SortFunc(taken, time.Time.Compare)
		}
		want := Earliest(now, taken, limits, 0)
		if got := slot(now, booked, limits, ahead); !got.Equal(want) {
			t.Fatalf("slot after %d is +%s, want +%s (booked %v)", ahead, got.Sub(now), want.Sub(now), booked)
		}
		if rounds := rapid.IntRange(1, 1000).Draw(t, "rounds"); ahead > 0 {
			far := slot(now, booked, limits, ahead+rounds*limits[1].Limit)
			if want := slot(now, booked, limits, ahead).Add(time.Duration(rounds) * (time.Minute + tick)); !far.Equal(want) {
				t.Fatalf("the slot %d rounds later is +%s, want +%s", rounds, far.Sub(now), want.Sub(now))
			}
		}
	})
}

// In random runs with tickets, both stores give the same answers to the microsecond.
func TestStores_WithWaitlists_AnswerAlike(t *testing.T) {
	clock := newFakeClock()
	client, _ := redistest.New(t)
	memory, shared := NewMemory(clock.now), newRedisAt(client, clock.now)
	tables := []Limits{{{2, time.Minute}, {9, 20 * time.Minute}}, {{3, time.Minute}}, nil}
	day := clock.now().Truncate(time.Second).Add(time.Hour)
	deadlines := []time.Time{
		{}, {}, day, day, day.Add(300 * time.Millisecond), day.Add(1001 * time.Millisecond), day.AddDate(0, 0, 1),
	}
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		key := Key{fmt.Sprintf("t%d", runs), "g"}
		rt.Repeat(map[string]func(*rapid.T){
			"book": func(rt *rapid.T) {
				r := Request{
					Key: key, Limits: rapid.SampledFrom(tables).Draw(rt, "limits"),
					Ticket:  rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e"}).Draw(rt, "ticket"),
					MaxWait: time.Duration(rapid.SampledFrom([]int{-1, 0, 2, 2, 90}).Draw(rt, "max wait")) * time.Second,
					Reserve: rapid.SampledFrom([]int{0, 0, 1}).Draw(rt, "reserve"),
					Due:     rapid.SampledFrom(deadlines).Draw(rt, "due"),
				}
				m, errM := memory.Book(t.Context(), r)
				s, errS := shared.Book(t.Context(), r)
				if fmt.Sprint(m, errM) != fmt.Sprint(s, errS) {
					rt.Fatalf("Book differs: memory %+v (%v), redis %+v (%v)", m, errM, s, errS)
				}
			},
			"advance": func(rt *rapid.T) { clock.advance(time.Duration(rapid.IntRange(0, 90_000_000).Draw(rt, "by")) * us) },
			"leave": func(rt *rapid.T) {
				name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "who")
				if err := errors.Join(memory.Leave(t.Context(), key, name), shared.Leave(t.Context(), key, name)); err != nil {
					rt.Fatal(err)
				}
			},
			"throttle": func(rt *rapid.T) {
				d := time.Duration(rapid.SampledFrom([]int{0, 5, 100}).Draw(rt, "for")) * time.Second
				m, nm, errM := memory.Throttle(t.Context(), key, d)
				s, ns, errS := shared.Throttle(t.Context(), key, d)
				if m != s || nm != ns || errM != nil || errS != nil {
					rt.Fatalf("Throttle differs: memory %s, %d (%v), redis %s, %d (%v)", m, nm, errM, s, ns, errS)
				}
			},
		})
	})
}

func TestStore_Waitlist_EarlierDeadline_StandsBeforeEarlierArrival(t *testing.T) {
	eachStore(t, func(t *testing.T, s fullStore, clock *fakeClock) {
		r := Request{Key: send, Limits: Limits{{1, 10 * time.Second}}}
		mustBook(t, s, r)
		day := clock.now().Truncate(time.Second)
		askDue := func(name string, days int) (time.Duration, bool) {
			t.Helper()
			r := r
			if days > 0 {
				r.Due = day.AddDate(0, 0, days).Add(300 * time.Millisecond)
			}
			return ask(t, s, r, name)
		}
		arrivals := []struct {
			name string
			days int
		}{{"far", 3}, {"near", 1}, {"middle", 2}, {"near too", 1}, {"now", 0}, {"middle too", 2}}
		for _, a := range arrivals {
			askDue(a.name, a.days)
		}
		order := []string{"now", "near", "near too", "middle", "middle too", "far"}
		for i, name := range order {
			for _, a := range arrivals {
				if want := time.Duration(i+1) * (10*time.Second + tick); a.name == name {
					if wait, booked := askDue(name, a.days); booked || wait != want {
						t.Errorf("%s is told %s (booked %v), want %s", name, wait, booked, want)
					}
				}
			}
		}
	})
}
