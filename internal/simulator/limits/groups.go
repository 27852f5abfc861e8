package limits

// Groups of operations that share windows. Every operation outside of them has a group of its own;
// see [Other].
const (
	OnlineSession       = "onlineSession"
	OnlineSessionClose  = "onlineSessionClose"
	InvoiceSend         = "invoiceSend"
	BatchSession        = "batchSession"
	BatchSessionClose   = "batchSessionClose"
	InvoiceStatus       = "invoiceStatus"
	SessionInvoiceList  = "sessionInvoiceList"
	SessionMisc         = "sessionMisc"
	InvoiceDownload     = "invoiceDownload"
	InvoiceMetadata     = "invoiceMetadata"
	InvoiceExport       = "invoiceExport"
	InvoiceExportStatus = "invoiceExportStatus"
	SessionList         = "sessionList"          // the gateway has no operation of this group
	Collective          = "collectiveIdentifier" // neither simulated API has an operation of this group
	Anonymous           = "anonymous"            // logging in and public keys, counted by address
)

// Other returns the group of an operation that belongs to no listed group. Its name is "other:" and
// the operation's name.
func Other(operation string) string { return Others + ":" + operation }

// Others is the name under which the allowance of the unlisted groups is shown and set. Each
// unlisted group has this allowance for itself.
const Others = "other"

// NoLimit is the number that stands for no limit in an [Allowance].
const NoLimit = -1

// Allowance is the number of requests per second, minute and hour. Each number may be NoLimit.
type Allowance struct{ Second, Minute, Hour int }

// Usual returns the allowances of every taxpayer for whom nothing else was set, by group. Others is
// among the groups. The map is the caller's.
func Usual() map[string]Allowance {
	return map[string]Allowance{
		OnlineSession:       {10, 30, 120},
		OnlineSessionClose:  {20, 60, 240},
		InvoiceSend:         {10, 30, 180},
		BatchSession:        {10, 20, 60},
		BatchSessionClose:   {20, 40, 120},
		InvoiceStatus:       {30, 120, 1200},
		SessionInvoiceList:  {10, 20, 200},
		SessionMisc:         {10, 120, 1200},
		InvoiceDownload:     {8, 16, 64},
		InvoiceMetadata:     {8, 16, 20},
		InvoiceExport:       {8, 16, 20},
		InvoiceExportStatus: {10, 60, 600},
		SessionList:         {5, 10, 60},
		Collective:          {20, 120, 240},
		Others:              {10, 30, 120},
		Anonymous:           {60, NoLimit, NoLimit},
	}
}
