package plural_test

import (
	"testing"

	"ksefworker/internal/plural"
)

func TestOf_OneAloneTakesTheSingular(t *testing.T) {
	for n, want := range map[int64]string{0: "0 entries", 1: "1 entry", 2: "2 entries", 11: "11 entries", 21: "21 entries"} {
		if got := plural.Of(n, "entry", "entries"); got != want {
			t.Errorf("Of(%d) is %q, want %q", n, got, want)
		}
	}
}
