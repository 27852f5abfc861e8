package config

import (
	"testing"

	"ksefworker/internal/ksef/numbers"
)

func TestDefaultLimits_AreKSeFsWholeTable(t *testing.T) {
	byName := defaultLimits().Groups.ByName()
	for name, want := range numbers.Rates() {
		if got := byName[name]; got != Rates(want) {
			t.Errorf("%s has %v, KSeF has %v", name, got, want)
		}
		delete(byName, name)
	}
	if len(byName) != 0 {
		t.Errorf("KSeF has no numbers for %v", byName)
	}
}
