package ratelimit

import "time"

// Defaults is the part of KSeF's table that these tests use (KSeF limits, September 2026). The
// programs use their configuration. Every call returns a new map.
func Defaults() map[string]Limits {
	return map[string]Limits{
		GroupInvoiceSend:   perSecondMinuteHour(10, 30, 180),
		GroupBatchSession:  perSecondMinuteHour(10, 20, 60),
		GroupInvoiceStatus: perSecondMinuteHour(30, 120, 1200),
		GroupSessionMisc:   perSecondMinuteHour(10, 120, 1200),
		GroupOther:         perSecondMinuteHour(10, 30, 120),
	}
}

func perSecondMinuteHour(second, minute, hour int) Limits {
	return Limits{{second, time.Second}, {minute, time.Minute}, {hour, time.Hour}}
}
