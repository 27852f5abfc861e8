package tasks

import (
	"testing"
	"time"
)

func TestBulkhead_OneTenantHasManyPackages_APlaceIsLeftToTheOthers(t *testing.T) {
	b := newBulkhead(3, 2)
	for range 2 {
		if !b.begin("giant") {
			t.Fatal("the giant does not get its share")
		}
	}
	if b.begin("giant") {
		t.Fatal("the giant gets more than its share")
	}
	if !b.begin("small") || b.begin("third") {
		t.Error("the others' place, or more than there are")
	}
	b.end("giant")
	if !b.begin("third") || len(b.tenants) != 3 {
		t.Errorf("places are not given back: %v", b.tenants)
	}
}

// Thousands that find no place come back spread, and none of them after ages: coming back all at
// once, they would be most of what workers do.
func TestBulkhead_ThousandsFindNoPlace_TheyComeBackSpread(t *testing.T) {
	b := newBulkhead(1, 1)
	now := time.Now()
	soon, last := 0, time.Duration(0)
	for range 3000 {
		d := b.comeBack(now)
		if d < comeBackFirst || d > comeBackMax {
			t.Fatalf("comes back in %v", d)
		}
		if d < 2*time.Second {
			soon++
		}
		last = max(last, d)
	}
	if soon > 100 || last != comeBackMax {
		t.Errorf("%d come back within two seconds, the last in %v", soon, last)
	}
	if d := b.comeBack(now.Add(time.Hour)); d != comeBackFirst {
		t.Errorf("an hour later: %v", d)
	}
}
