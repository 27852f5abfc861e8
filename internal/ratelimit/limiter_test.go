package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// observed records the calls of a limiter.
type observed struct {
	mu    sync.Mutex
	lines []string
}

func (o *observed) add(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, fmt.Sprintf(format, args...))
}
func (o *observed) OnWait(tenant, group string, d time.Duration) {
	o.add("wait %s %s %s", tenant, group, d)
}
func (o *observed) OnFreeze(tenant, group string, d time.Duration) {
	o.add("freeze %s %s %s", tenant, group, d)
}

func newLimiter(t *testing.T, s Store, o Options) *Limiter {
	t.Helper()
	if o.Defaults == nil {
		o.Defaults = Defaults()
	}
	l, err := New(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const nip = "5265877635"

func onePer(d time.Duration) map[string]Limits { return map[string]Limits{GroupOther: {{1, d}}} }

func TestWait_ShortWait_IsSlept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &observed{}
		l := newLimiter(t, NewMemory(nil), Options{Defaults: onePer(time.Second), Observer: o})
		start := time.Now()
		for i := range 3 {
			if err := l.Wait(t.Context(), nip, "x"); err != nil {
				t.Fatal(err)
			}
			if got, want := time.Since(start), time.Duration(i)*(time.Second+DefaultMargin+tick); got != want {
				t.Errorf("request %d went at +%s, want +%s", i, got, want)
			}
		}
		want := []string{"wait 5265877635 x 0s", "wait 5265877635 x 1.300001s", "wait 5265877635 x 1.300001s"}
		if !slices.Equal(o.lines, want) {
			t.Errorf("observed %q, want %q", o.lines, want)
		}
	})
}

func TestWait_LongWait_ReturnsTheExactDelayAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, NewMemory(nil), Options{Defaults: onePer(time.Hour), Margin: -1})
		if err := l.Wait(t.Context(), nip, "x"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		wantNotNow(t, l.Wait(t.Context(), nip, "x"), time.Hour+tick, ReasonLimit)
		if slept := time.Since(start); slept != 0 {
			t.Errorf("Wait slept %s before it refused, want no sleep", slept)
		}
	})
}

func TestWait_ADeadlineThatTheWaitWouldOutlast_IsNotSleptThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, NewMemory(nil), Options{Defaults: onePer(time.Second), Margin: -1})
		if err := l.Wait(t.Context(), nip, "x"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		wantNotNow(t, l.Wait(ctx, nip, "x"), time.Second+tick, ReasonLimit)
	})
}

func TestWait_Cancelled_GivesThePlaceBackAndReturnsTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewMemory(nil)
		l := newLimiter(t, s, Options{Defaults: onePer(time.Second), Margin: -1})
		if err := l.Wait(t.Context(), nip, "x"); err != nil {
			t.Fatal(err)
		}
		cause := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error)
		go func() { done <- l.Wait(ctx, nip, "x") }()
		synctest.Wait() // the call sleeps
		if u, _ := l.Usage(t.Context(), nip, "x"); u.Ahead != 1 {
			t.Errorf("%d requests are booked ahead, want 1", u.Ahead)
		}
		cancel(cause)
		if err := <-done; !errors.Is(err, cause) {
			t.Errorf("error %v, want the cause", err)
		}
		if u, _ := l.Usage(t.Context(), nip, "x"); u.Ahead != 0 {
			t.Errorf("%d requests are booked ahead after the cancel, want 0", u.Ahead)
		}
	})
}

// contextStore fails when the context has ended, as Redis does.
type contextStore struct{ Store }

func (s contextStore) Cancel(ctx context.Context, b Booking) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.Store.Cancel(ctx, b)
}

func TestWait_ContextEndedBefore_KeepsNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, contextStore{NewMemory(nil)}, Options{Defaults: onePer(time.Hour)})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Wait(ctx, nip, "x"); !errors.Is(err, context.Canceled) {
			t.Errorf("Wait gives the error %v, want that of the context", err)
		}
		if err := l.Wait(t.Context(), nip, "x"); err != nil {
			t.Errorf("a place was kept for the call whose context had ended: the next call gives %v, want no error", err)
		}
	})
}

func TestWait_FrozenWhileAsleep_DoesNotGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &observed{}
		l := newLimiter(t, NewMemory(nil), Options{Defaults: onePer(time.Second), Margin: -1, Observer: o})
		if err := l.Wait(t.Context(), nip, "x"); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- l.Wait(t.Context(), nip, "x") }()
		synctest.Wait()
		if err := l.Freeze(t.Context(), nip, "x", time.Minute, CauseDenied); err != nil {
			t.Fatal(err)
		}
		wantNotNow(t, <-done, 59*time.Second-tick, ReasonFrozen)
		if want := []string{"wait 5265877635 x 0s", "freeze 5265877635 x 1m0s"}; !slices.Equal(o.lines, want) {
			t.Errorf("observed %q, want %q", o.lines, want)
		}
	})
}

func TestWait_MaxWait_OverridesMaxSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, NewMemory(nil), Options{Defaults: onePer(time.Minute), Margin: -1})
		for _, d := range []time.Duration{0, 2 * time.Minute} {
			if err := l.Wait(t.Context(), nip, "x", MaxWait(d)); err != nil {
				t.Fatal(err)
			}
		}
		wantNotNow(t, l.Wait(t.Context(), nip, "x", MaxWait(-time.Second)), time.Minute+tick, ReasonLimit)
	})
}

func TestWait_Reserve_BulkLeavesPlacesToExpress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, NewMemory(nil), Options{})
		bulk := 0
		for l.Wait(t.Context(), nip, GroupInvoiceSend, Reserve(5)) == nil {
			bulk++
		}
		express := 0
		for l.Wait(t.Context(), nip, GroupInvoiceSend) == nil {
			express++
		}
		if bulk != 25 || express != 5 {
			t.Errorf("%d bulk requests and %d express requests went of 30 a minute, want 25 and 5", bulk, express)
		}
	})
}

// lateStore answers a booking later than it was made.
type lateStore struct {
	Store
	delays []time.Duration
	booked int
}

func (s *lateStore) Book(ctx context.Context, r Request) (Booking, error) {
	b, err := s.Store.Book(ctx, r)
	if s.booked < len(s.delays) {
		time.Sleep(s.delays[s.booked])
	}
	s.booked++
	return b, err
}

func TestWait_LaterThanTheMarginCovers_BooksAgain(t *testing.T) {
	tests := []struct {
		name   string
		delays []time.Duration
		booked int
		goes   bool
	}{
		{"a booking in time: the request goes", nil, 1, true},
		{"a booking late by the margin: the request goes", []time.Duration{300 * time.Millisecond}, 1, true},
		{"a booking later than the margin: Wait books again", []time.Duration{301 * time.Millisecond}, 2, true},
		{
			"every booking too late: the request is refused, so that one slow process does not use up the allowance",
			[]time.Duration{time.Second, time.Second, time.Second}, 3, false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &lateStore{Store: NewMemory(nil), delays: tt.delays}
				l := newLimiter(t, s, Options{})
				err := l.Wait(t.Context(), nip, GroupOther)
				if (err == nil) != tt.goes || s.booked != tt.booked {
					t.Errorf("Wait gives the error %v after %d bookings, want %d, and that the request goes: %v",
						err, s.booked, tt.booked, tt.goes)
				}
				if !tt.goes {
					wantNotNow(t, err, time.Second, ReasonLimit)
				}
			})
		})
	}
}

func TestPeek_ReturnsTheWaitAndBooksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, NewMemory(nil), Options{Defaults: onePer(time.Hour), Margin: -1})
		for range 3 {
			if wait, err := l.Peek(t.Context(), nip, "x"); wait != 0 || err != nil {
				t.Fatalf("Peek = %s, %v; want 0", wait, err)
			}
		}
		if err := l.Wait(t.Context(), nip, "x"); err != nil {
			t.Fatal(err)
		}
		if wait, err := l.Peek(t.Context(), nip, "x"); wait != time.Hour+tick || err != nil {
			t.Errorf("Peek = %s, %v; want %s", wait, err, time.Hour+tick)
		}
	})
}

func TestLimits_TheMostSpecificTableDecides(t *testing.T) {
	own := map[string]map[string]Limits{
		nip:          {GroupInvoiceSend: {{99, time.Hour}}, "other:publicKey": {{7, time.Hour}}},
		"1111111111": {GroupOther: {{5, time.Hour}}},
	}
	l := newLimiter(t, NewMemory(nil), Options{Tenants: own})
	tests := []struct {
		name, tenant, group string
		want                Limits
	}{
		{"the tenant has limits for the group", nip, GroupInvoiceSend, Limits{{99, time.Hour}}},
		{"a tenant without limits for the group has the default", nip, GroupBatchSession, Defaults()[GroupBatchSession]},
		{"a tenant without any limits has the default", "2222222222", GroupInvoiceSend, Defaults()[GroupInvoiceSend]},
		{"other:publicKey has limits of its own", nip, "other:publicKey", Limits{{7, time.Hour}}},
		{"other:links has the default of other", nip, "other:links", Defaults()[GroupOther]},
		{"other:links has the tenant's limits of other", "1111111111", "other:links", Limits{{5, time.Hour}}},
		{"a group that no table names has the limits of other", nip, "somethingNew", Defaults()[GroupOther]},
		{"the group's default comes before the tenant's limits of other", "1111111111", GroupBatchSession, Defaults()[GroupBatchSession]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := l.Limits(tt.tenant, tt.group); !slices.Equal(got, tt.want) {
				t.Errorf("limits %v, want %v", got, tt.want)
			}
		})
	}
}

func TestNew_NamesAllFaultsAtOnce(t *testing.T) {
	_, err := New(NewMemory(nil), Options{
		Defaults: map[string]Limits{"a": {{0, time.Second}}},
		Tenants:  map[string]map[string]Limits{nip: {"b": {{1, 0}}}},
	})
	if err == nil {
		t.Fatal("New took tables with faults")
	}
	for _, want := range []string{"defaults, group a: limit 0", "group other is missing", "tenant 5265877635, group b: limit 1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
}

// The text of a NotNow is kept and read later, so it does not say how long to wait.
func TestNotNow_Text_NamesTheReasonWithoutTheWait(t *testing.T) {
	tests := []struct {
		e    NotNow
		want string
	}{
		{NotNow{Wait: 90*time.Second + tick, Reason: ReasonLimit, Key: send},
			"limit of tenant 5265877635, group invoiceSend is used up"},
		{NotNow{Wait: 2680 * time.Second, Reason: ReasonFrozen, Cause: CauseThrottled, Key: send},
			"tenant 5265877635, group invoiceSend rests, because KSeF answered too many requests (429)"},
		{NotNow{Wait: 30 * time.Second, Reason: ReasonFrozen, Key: Key{send.Tenant, GroupCredentials}},
			"KSeF refused the key of tenant 5265877635, so its requests rest"},
		{NotNow{Wait: 5 * time.Second, Reason: ReasonOutage, Host: "ksefapi.pl"},
			"host ksefapi.pl is out of service"},
		{NotNow{Wait: 5 * time.Second, Reason: ReasonOutage, Host: "ksefapi.pl", Key: send},
			"tenant 5265877635, group invoiceSend is out of service at host ksefapi.pl"},
		{NotNow{Wait: 5 * time.Second, Reason: ReasonStore, Host: "blob"},
			"the part store blob is out of service"},
	}
	for _, tt := range tests {
		if got := tt.e.Error(); got != tt.want {
			t.Errorf("the text is %q, want %q", got, tt.want)
		}
	}
	if got := Reasons(); !slices.Equal(got, []Reason{ReasonLimit, ReasonFrozen, ReasonOutage, ReasonStore}) {
		t.Errorf("Reasons() = %v, want limit, frozen, outage and store", got)
	}
}

// A pool is saturated for two hours. Its sixteen callers sleep or come back, and their requests
// arrive late by up to the margin. The server's count never exceeds a limit, and at least 97 % of
// the allowance is used.
func TestWait_ASaturatedPool_UsesItsAllowanceAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, NewMemory(nil), Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		var mu sync.Mutex
		var arrivals []time.Time
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				sent := 0
				for ctx.Err() == nil {
					err := l.Wait(ctx, nip, GroupInvoiceSend)
					var n *NotNow
					switch {
					case errors.As(err, &n):
						_ = sleep(ctx, n.Wait) // the task comes back when it was told to
					case err == nil:
						sent++
						time.Sleep(time.Duration((i*37+sent*53)%300) * time.Millisecond) // the network
						mu.Lock()
						arrivals = append(arrivals, time.Now())
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		assertNoWindowOverrun(t, arrivals, Defaults()[GroupInvoiceSend])
		if len(arrivals) < 360*97/100 {
			t.Errorf("%d sends in two hours, want at least 97 %% of the 360 that are allowed", len(arrivals))
		}
		t.Logf("%d of 360 sends used", len(arrivals))
	})
}

func TestSetTenant_NewLimits_HoldForTheNextRequestAndForNoOtherTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, NewMemory(nil), Options{Defaults: onePer(time.Hour), MaxSleep: -1, Margin: -1})
		if err := l.Wait(t.Context(), nip, "x"); err != nil {
			t.Fatal(err)
		}
		if err := l.SetTenant(nip, map[string]Limits{"x": {{2, time.Hour}}}); err != nil {
			t.Fatal(err)
		}
		if err := l.Wait(t.Context(), nip, "x"); err != nil {
			t.Errorf("the second of two requests gives %v, want no error", err)
		}
		var notNow *NotNow
		if err := l.Wait(t.Context(), nip, "x"); !errors.As(err, &notNow) {
			t.Errorf("the third of two requests gives %v, want a NotNow", err)
		}
		if got := l.Limits("another", "x"); got[0].Limit != 1 {
			t.Errorf("the limits of another tenant are %v, want them unchanged", got)
		}
		if err := l.SetTenant(nip, map[string]Limits{"x": {{0, time.Hour}}}); err == nil {
			t.Error("SetTenant took a limit of 0")
		}
		if got := l.Limits(nip, "x"); got[0].Limit != 2 {
			t.Errorf("a refused table changed the limits to %v, want them unchanged", got)
		}
	})
}
