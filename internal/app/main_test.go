package app

import (
	"testing"

	"go.uber.org/goleak"

	"ksefworker/internal/testbed/morning"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(morning.Of(m)) }
