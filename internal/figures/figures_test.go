package figures_test

import (
	"testing"
	"time"

	"ksefworker/internal/figures"
	"ksefworker/internal/redisd/redistest"
)

func TestCount_OfTenants_AreApartAndTogether(t *testing.T) {
	rdb, _ := redistest.New(t)
	s := figures.New(rdb, "ksef:")
	now := time.Date(2026, 11, 26, 23, 30, 0, 0, time.UTC) // half past midnight in Warsaw
	err := s.Count(t.Context(), []figures.Outcome{
		{Tenant: "A", State: "accepted", At: now, Took: 30 * time.Second},
		{Tenant: "A", State: "accepted", At: now, Took: 30 * time.Second},
		{Tenant: "A", State: "rejected", At: now.Add(-time.Hour)}, // yesterday in Warsaw
		{Tenant: "B", State: "parked", At: now},
	})
	if err != nil {
		t.Fatal(err)
	}
	hours, err := s.LastHours(t.Context(), now, 24, "A")
	if err != nil || len(hours) != 24 || hours[23].Accepted != 2 || hours[22].Rejected != 1 || hours[23].Parked != 0 {
		t.Errorf("the hours of A are %+v (error %v), want 2 accepted in the last hour and 1 rejected in the hour before", hours, err)
	}
	days, err := s.LastDays(t.Context(), now, 30, figures.All)
	if err != nil || len(days) != 30 || days[29].Accepted != 2 || days[29].Parked != 1 || days[28].Rejected != 1 {
		t.Errorf("the days of all are %+v (error %v), want 2 accepted and 1 parked today, 1 rejected yesterday", days, err)
	}
	today, err := s.Today(t.Context(), now, []string{"A", "B", "C"})
	a, b := today["A"], today["B"]
	if err != nil || a.Accepted != 2 || a.Rejected != 0 || b.Parked != 1 || b.Accepted != 0 {
		t.Errorf("today has %+v (error %v), want 2 accepted of A and 1 parked of B", today, err)
	}
	if p50, ok := a.Quantile(.5); !ok || p50 < 20*time.Second || p50 > 40*time.Second {
		t.Errorf("the median time of A is %v (known %v), want between 20s and 40s", p50, ok)
	}
	if _, ok := b.Quantile(.5); ok {
		t.Error("B has a median time, but none of its invoices was accepted")
	}
	for _, key := range rdb.Keys(t.Context(), "ksef:figures:*").Val() {
		if ttl := rdb.TTL(t.Context(), key).Val(); ttl <= 0 || ttl > figures.Days*24*time.Hour {
			t.Errorf("the key %s expires in %v, want it within the kept days", key, ttl)
		}
	}
}

func TestQuantile_SlowerThanADay_IsADay(t *testing.T) {
	rdb, _ := redistest.New(t)
	s := figures.New(rdb, "ksef:")
	now := time.Now()
	if err := s.Count(t.Context(), []figures.Outcome{{Tenant: "A", State: "accepted", At: now, Took: 70 * time.Hour}}); err != nil {
		t.Fatal(err)
	}
	today, err := s.Today(t.Context(), now, []string{"A"})
	f := today["A"]
	if p, ok := f.Quantile(.95); err != nil || !ok || p != 24*time.Hour {
		t.Errorf("the quantile is %v (known %v, error %v), want a day", p, ok, err)
	}
}
