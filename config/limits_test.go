package config

import (
	"testing"

	"ksefworker/internal/ksef/numbers"
)

func TestDefaultLimits_AreKSeFsWholeTable(t *testing.T) {
	byName := defaultLimits().Groups.ByName()
	for name, want := range numbers.Rates() {
		if got := byName[name]; got != Rates(want) {
			t.Errorf("the default limits of %s are %v, want KSeF's, which are %v", name, got, want)
		}
		delete(byName, name)
	}
	if len(byName) != 0 {
		t.Errorf("the default limits have groups that KSeF's table does not have: %v", byName)
	}
}
