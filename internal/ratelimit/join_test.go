package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Few workers serve many tasks. The tasks come back as asynq brings them, up to 1.2 s after a whole
// second. They use the whole allowance of every hour, few of them come too early, and they are sent
// in about the order of arrival.
func TestWait_ManyTasksThatReturnAsAsynqBringsThem_UseTheAllowance_InOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, NewMemory(nil), Options{})
		const tasks, workers = 400, 16
		start := time.Now()
		slots := make(chan struct{}, workers)
		var mu sync.Mutex
		var arrivals []time.Time
		var order []int
		asked := 0
		var wg sync.WaitGroup
		for i := range tasks {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				for n := 0; ; n++ {
					slots <- struct{}{}
					mu.Lock()
					asked++
					mu.Unlock()
					err := l.Wait(t.Context(), nip, GroupInvoiceSend, Ticket(fmt.Sprint(i)))
					<-slots
					var later *NotNow
					if !errors.As(err, &later) {
						break
					}
					at := time.Now().Add(later.Wait - later.Early + time.Second).Truncate(time.Second)
					jitter := time.Duration((i*37+n*53)%1200) * time.Millisecond
					time.Sleep(max(time.Until(at)+jitter, 0))
				}
				mu.Lock()
				defer mu.Unlock()
				arrivals, order = append(arrivals, time.Now()), append(order, i)
			})
		}
		wg.Wait()
		assertNoWindowOverrun(t, arrivals, Defaults()[GroupInvoiceSend])
		// 400 tasks at 180 an hour are 180, 180 and 40. Of the last 40, 30 go at once.
		if took, limit := time.Since(start), 2*time.Hour+time.Minute+30*time.Second; took > limit {
			t.Errorf("all sends took %s, want at most %s", took, limit)
		}
		worst := 0
		for at, i := range order {
			worst = max(worst, i-at, at-i)
		}
		t.Logf("400 sends took %s, the tasks asked %d times, and went at most %d places from their turns", time.Since(start), asked, worst)
		if asked > 3*tasks {
			t.Errorf("the tasks asked %d times for %d sends, want at most three times for each", asked, tasks)
		}
		if worst > 30 {
			t.Errorf("a task went %d places from its turn, want at most 30", worst)
		}
	})
}

func TestJoin_ShortWait_GoesOn_LongWait_KeepsItsPlaceAndBooksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, NewMemory(nil), Options{Defaults: onePer(10 * time.Second), Margin: -1})
		must(t, l.Join(t.Context(), nip, "x", Ticket("a")))
		must(t, l.Wait(t.Context(), nip, "x", Ticket("a")))
		for i, want := range []time.Duration{10*time.Second + tick, 2 * (10*time.Second + tick)} {
			err := l.Join(With(t.Context(), Ticket(fmt.Sprint(i))), nip, "x")
			later, ok := errors.AsType[*NotNow](err)
			if !ok || later.Wait != want || later.Early != defaultMaxSleep {
				t.Errorf("caller %d is told %v (%+v), want a wait of %s and Early %s", i, err, later, want, defaultMaxSleep)
			}
		}
		if u, _ := l.Usage(t.Context(), nip, "x"); u.Waitlisted != 2 || u.Windows[0].Used != 1 {
			t.Errorf("the usage is %+v, want two on the waitlist and one booked", u)
		}
		must(t, l.Leave(With(t.Context(), Ticket("0")), nip, "x"))
		if u, _ := l.Usage(t.Context(), nip, "x"); u.Waitlisted != 1 {
			t.Errorf("the usage is %+v, want one on the waitlist", u)
		}
		time.Sleep(8*time.Second + tick) // the earliest moment at which caller 1 may come back
		ctx := With(t.Context(), Ticket("1"))
		must(t, l.Join(ctx, nip, "x"))
		start := time.Now()
		must(t, l.Wait(ctx, nip, "x"))
		if slept := time.Since(start); slept != 2*time.Second {
			t.Errorf("the last caller slept %s, want 2s", slept)
		}
	})
}

func TestWith_OptionsOfTheContext_ApplyToItsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, NewMemory(nil), Options{Defaults: map[string]Limits{GroupOther: {{4, time.Hour}}}, MaxSleep: -1})
		ctx := With(t.Context(), Reserve(1))
		inner := With(ctx, Share(0.5))
		n := 0
		for _, c := range []struct {
			ctx  context.Context
			want int
		}{{inner, 1}, {ctx, 3}, {t.Context(), 4}} {
			for l.Wait(c.ctx, nip, "x") == nil {
				n++
			}
			if n != c.want {
				t.Errorf("%d of 4 requests have gone, want %d", n, c.want)
			}
		}
	})
}
