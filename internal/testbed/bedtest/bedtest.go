// Package bedtest gives a test a [testbed.Bed] that ends with the test. It is separate from testbed
// so that no program links the testing package.
package bedtest

import (
	"testing"

	"ksefworker/internal/simulator/keytest"
	"ksefworker/internal/testbed"
)

// Start starts a bed for this test alone. An empty o.Dir means a folder of the test. A nil
// o.Simulator.NewKey means the RSA keys that all tests of a process share. An error at the start or
// at the end fails the test.
func Start(t testing.TB, o testbed.Options) *testbed.Bed {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Simulator.NewKey == nil {
		o.Simulator.NewKey = keytest.Sequence()
	}
	b, err := testbed.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("bedtest: %v", err)
		}
	})
	return b
}
