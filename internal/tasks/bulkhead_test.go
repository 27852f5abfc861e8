package tasks

import (
	"testing"
	"time"
)

func TestBulkhead_OneTenantHasManyPackages_APlaceIsLeftForOthers(t *testing.T) {
	b := newBulkhead(3, 2)
	for range 2 {
		if !b.begin("giant") {
			t.Fatal("the tenant giant does not get its two places")
		}
	}
	if b.begin("giant") {
		t.Fatal("the tenant giant gets more than its two places")
	}
	if !b.begin("small") || b.begin("third") {
		t.Errorf("the places by tenant are %v, want two of giant and one of small", b.tenants)
	}
	b.end("giant")
	if !b.begin("third") || len(b.tenants) != 3 {
		t.Errorf("after giant gave a place back, the places by tenant are %v, want one each of giant, small and third", b.tenants)
	}
}

// Thousands of tasks find no place. They come back spread over half a minute. If all came back at
// once, workers would do little else.
func TestBulkhead_ThousandsFindNoPlace_TheyComeBackAtDifferentTimes(t *testing.T) {
	b := newBulkhead(1, 1)
	now := time.Now()
	soon, last := 0, time.Duration(0)
	for range 3000 {
		d := b.comeBack(now)
		if d < comeBackFirst || d > comeBackMax {
			t.Fatalf("a task that found no place comes back in %v, want between a second and half a minute", d)
		}
		if d < 2*time.Second {
			soon++
		}
		last = max(last, d)
	}
	if soon > 100 || last != comeBackMax {
		t.Errorf("%d tasks come back within two seconds, want at most 100; the last comes back after %v, want after half a minute",
			soon, last)
	}
	if d := b.comeBack(now.Add(time.Hour)); d != comeBackFirst {
		t.Errorf("an hour later a task that found no place comes back in %v, want in a second", d)
	}
}
