// Package numbers has KSeF's numbers in one place. They say how many requests, invoices, bytes and
// hours the Ministry of Finance allows (KSeF documentation up to API 2.8.1, September 2026). Code
// that needs one of them refers to this package, so a change by the Ministry is a change of one
// line.
//
// The Ministry may change all numbers at any time. It raises some of them for a taxpayer on
// request: the rates, the sizes of an invoice and the invoices of a session. These are settings of
// the configuration, and this package gives the defaults.
//
// The simulator has its own numbers on purpose. It shares no code with what it tests.
package numbers

import (
	"math"
	"time"
)

// Rate is how many requests one taxpayer may make in any second, any minute and any hour. All three
// hold at once, in sliding windows. -1 means no limit.
type Rate struct {
	PerSecond, PerMinute, PerHour int
}

// Rates returns KSeF's table of request limits by KSeF's own names of its groups. "other" holds for
// each remaining operation by itself. Uploads of parts have no limit. Every call returns a new map.
func Rates() map[string]Rate {
	return map[string]Rate{
		"onlineSession":       {10, 30, 120},   // open an online session
		"onlineSessionClose":  {20, 60, 240},   // close one
		"invoiceSend":         {10, 30, 180},   // send one invoice in an online session
		"batchSession":        {10, 20, 60},    // open a batch session
		"batchSessionClose":   {20, 40, 120},   // close one
		"invoiceStatus":       {30, 120, 1200}, // status of one invoice
		"sessionInvoiceList":  {10, 20, 200},   // invoices of a session
		"sessionMisc":         {10, 120, 1200}, // status of a session, receipts
		"invoiceDownload":     {8, 16, 64},     // one invoice by its KSeF number
		"invoiceMetadata":     {8, 16, 20},     // query of the register
		"invoiceExport":       {8, 16, 20},     // export of invoices
		"invoiceExportStatus": {10, 60, 600},   // status of an export
		"sessionList":         {5, 10, 60},     // list of sessions
		"other":               {10, 30, 120},
		"anonymous":           {60, -1, -1}, // logging in; per address, whoever logs in
	}
}

// Sizes of one invoice in bytes.
const (
	MaxInvoiceSize               = 1_000_000 // without attachment
	MaxInvoiceSizeWithAttachment = 3_000_000
)

// Bounds of a session.
const (
	// MaxSessionInvoices is how many invoices one session takes, online or batch.
	MaxSessionInvoices = 10_000
	// OnlineSessionLife is the age at which KSeF closes an online session by itself.
	OnlineSessionLife = 12 * time.Hour
)

// Bounds of a batch session, all sizes in bytes before encryption.
const (
	MaxBatchSize  = 5_000_000_000 // of the ZIP
	MaxBatchParts = 50
	MaxPartSize   = 100_000_000
	// PartTime is the time that KSeF allows for the upload of each part. The time for all of them
	// is PartTime × number of parts, counted from the opening of the session.
	PartTime = 20 * time.Minute
)

// Pages of KSeF's lists.
const (
	MinMetadataPage = 10 // invoices on a page of the register
	MaxMetadataPage = 250
	MaxListPage     = 1000 // invoices of a session, or sessions, on a page; KSeF's own default is 10
	// MaxListed is how many invoices of a session are listed at most. It is the largest allowed
	// tenants[].max_session_invoices. It bounds memory and is not a number of KSeF's.
	MaxListed = 100_000
)

// Numbers of the gateway at ksefapi.pl, narrower than KSeF's.
const (
	// GatewayMaxBatchSize is the largest ZIP in bytes that the gateway's contract can describe,
	// because its batchSize is a 32-bit number.
	GatewayMaxBatchSize = math.MaxInt32
	// GatewayPartSize is the largest part in bytes that the gateway's operator recommends.
	GatewayPartSize = 50_000_000
)
