package fa_test

import (
	"fmt"
	"testing"

	"ksefworker/internal/invoice"
	"ksefworker/internal/simulator/fa"
)

func TestValidNIP_FormAndCheckDigit_AreBothChecked(t *testing.T) {
	for nip, want := range map[string]bool{
		"5265877635": true, "7352765225": true, "1111111111": true,
		"5265877636": false, "0000000000": false, "1002345678": false,
		"526587763": false, "526-587-76-35": false, "526587763x": false, "": false,
	} {
		if fa.ValidNIP(nip) != want {
			t.Errorf("ValidNIP(%q) = %v, want %v", nip, !want, want)
		}
	}
	valid := 0
	for d := byte('0'); d <= '9'; d++ {
		if fa.ValidNIP("526587763" + string(d)) {
			valid++
		}
	}
	if valid != 1 {
		t.Errorf("%d check digits of one NIP are valid, want 1", valid)
	}
}

// The simulator and the client check NIPs with separate code, because tests could not find a
// mistake in shared code. Both must agree.
func TestValidNIP_AgreesWithTheClients(t *testing.T) {
	for i := range 20_000 {
		nip := fmt.Sprintf("%010d", i*501_237)
		if fa.ValidNIP(nip) != invoice.ValidNIP(nip) {
			t.Fatalf("NIP %s is valid: %v for the simulator, %v for the client", nip, fa.ValidNIP(nip), invoice.ValidNIP(nip))
		}
	}
}
