package ratelimit

import (
	"time"

	"ksefworker/internal/ksef/numbers"
)

// Defaults is the part of KSeF's table that these tests use. The programs use their configuration.
// Every call returns a new map.
func Defaults() map[string]Limits {
	out := map[string]Limits{}
	for _, g := range []string{GroupInvoiceSend, GroupBatchSession, GroupInvoiceStatus, GroupSessionMisc, GroupOther} {
		r := numbers.Rates()[g]
		out[g] = perSecondMinuteHour(r.PerSecond, r.PerMinute, r.PerHour)
	}
	return out
}

func perSecondMinuteHour(second, minute, hour int) Limits {
	return Limits{{second, time.Second}, {minute, time.Minute}, {hour, time.Hour}}
}
