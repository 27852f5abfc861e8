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
	SessionList         = "sessionList" // the gateway has no operation of this group
)

// Other is the group of an operation that belongs to no listed group: "other:" and the operation's
// name.
func Other(operation string) string { return "other:" + operation }

// allowance is the number of requests per second, minute and hour.
type allowance struct{ second, minute, hour int }

func allowances() map[string]allowance {
	return map[string]allowance{
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
	}
}

// otherAllowance is the allowance of every group that is not listed.
func otherAllowance() allowance { return allowance{10, 30, 120} }
