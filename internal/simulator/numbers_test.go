package simulator

import (
	"bytes"
	"fmt"
	"testing"

	"ksefworker/internal/invoice"
)

func TestKsefNumber_Checksum_IsThatOfKSeFsExample(t *testing.T) {
	if crc := crc8("5265877635-20250826-0100001AF629"); crc != 0xAF {
		t.Errorf("the checksum of KSeF's example is %02X, want AF", crc)
	}
	s := newRig(t).sim
	seen := map[string]bool{}
	for range 1000 {
		n := s.ksefNumber(sellerA, noon)
		if len(n) != 35 || seen[n] {
			t.Fatalf("the KSeF number is %q (given before: %v), want a new one of 35 characters", n, seen[n])
		}
		seen[n] = true
	}
}

func TestDecrypt_WrongPadding_IsFound(t *testing.T) {
	key, iv := make([]byte, 32), make([]byte, 16)
	for _, n := range []int{0, 1, 15, 16, 17} {
		sealed, err := encrypt(key, iv, bytes.Repeat([]byte("a"), n))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := decrypt(key, iv, sealed); err != nil || len(plain) != n {
			t.Errorf("%d encrypted bytes are decrypted to %d bytes, error %v, want the same number", n, len(plain), err)
		}
	}
	for name, last := range map[string][]byte{
		"padding of 0": {0}, "padding of 17": {17}, "padding of 3 with a wrong byte": {9, 3, 3}, "padding of 2 with a wrong byte": {1, 2},
	} {
		block := append(bytes.Repeat([]byte("a"), 16-len(last)), last...)
		if _, err := unpad(block); err == nil {
			t.Errorf("a block with %s is accepted", name)
		}
	}
	for _, n := range []int{0, 15, 17} {
		if _, err := decrypt(key, iv, make([]byte, n)); err == nil {
			t.Errorf("a ciphertext of %d bytes is accepted, want an error", n)
		}
	}
}

// The simulator and the client compute the checksum with code of their own, because a mistake in
// shared code would never be found. Both must come to the same checksum.
func TestKsefNumber_Checksum_AgreesWithTheClients(t *testing.T) {
	for i := range 20_000 {
		head := fmt.Sprintf("%010d-20261123-%012X", i*501_237, i*7919)
		if ours, theirs := crc8(head), invoice.KsefChecksum(head); ours != theirs {
			t.Fatalf("for %s the simulator's checksum is %02X and the client's %02X", head, ours, theirs)
		}
	}
}
