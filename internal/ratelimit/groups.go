package ratelimit

import (
	"strings"
	"time"
)

// Operation groups, in KSeF's own words (KSeF limits, September 2026). Uploads of batch parts are not limited and do not pass through this package.
const (
	GroupOnlineSession      = "onlineSession"      // open an online session
	GroupOnlineSessionClose = "onlineSessionClose" // close an online session
	GroupInvoiceSend        = "invoiceSend"        // send one invoice in an online session
	GroupBatchSession       = "batchSession"       // open a batch session
	GroupBatchSessionClose  = "batchSessionClose"  // close a batch session
	GroupInvoiceStatus      = "invoiceStatus"      // status of one invoice
	GroupSessionInvoiceList = "sessionInvoiceList" // invoices of a session
	GroupSessionMisc        = "sessionMisc"        // session status, UPO
	GroupInvoiceDownload    = "invoiceDownload"    // one invoice by its KSeF number
	GroupOther              = "other"              // the limits of any operation not named above
)

// Other names the group of an operation that KSeF's table does not list: it has the limits of [GroupOther] and a counter of its own.
func Other(operation string) string { return GroupOther + ":" + operation }

// family is the group whose limits apply when a group has none of its own: "other:publicKey" belongs to "other".
func family(group string) string {
	name, _, _ := strings.Cut(group, ":")
	return name
}

// Defaults is KSeF's table of request limits for one taxpayer (KSeF limits, September 2026). The Ministry may change it at any time and raises it for single taxpayers: it is
// what configuration starts from. Every call returns a new map.
func Defaults() map[string]Limits {
	return map[string]Limits{
		GroupOnlineSession:      perSecondMinuteHour(10, 30, 120),
		GroupOnlineSessionClose: perSecondMinuteHour(20, 60, 240),
		GroupInvoiceSend:        perSecondMinuteHour(10, 30, 180),
		GroupBatchSession:       perSecondMinuteHour(10, 20, 60),
		GroupBatchSessionClose:  perSecondMinuteHour(20, 40, 120),
		GroupInvoiceStatus:      perSecondMinuteHour(30, 120, 1200),
		GroupSessionInvoiceList: perSecondMinuteHour(10, 20, 200),
		GroupSessionMisc:        perSecondMinuteHour(10, 120, 1200),
		GroupInvoiceDownload:    perSecondMinuteHour(8, 16, 64),
		GroupOther:              perSecondMinuteHour(10, 30, 120),
	}
}

func perSecondMinuteHour(second, minute, hour int) Limits {
	return Limits{{second, time.Second}, {minute, time.Minute}, {hour, time.Hour}}
}
