package ratelimit

import "strings"

// Operation groups with KSeF's own names (KSeF limits, September 2026). Their limits are set in the
// configuration. Uploads of batch parts have no limit, so they bypass the [Limiter]. Only the
// circuit of the part store can hold them back.
const (
	GroupOnlineSession      = "onlineSession"       // open an online session
	GroupOnlineSessionClose = "onlineSessionClose"  // close an online session
	GroupInvoiceSend        = "invoiceSend"         // send one invoice in an online session
	GroupBatchSession       = "batchSession"        // open a batch session
	GroupBatchSessionClose  = "batchSessionClose"   // close a batch session
	GroupInvoiceStatus      = "invoiceStatus"       // status of one invoice
	GroupSessionInvoiceList = "sessionInvoiceList"  // invoices of a session
	GroupSessionMisc        = "sessionMisc"         // session status, UPO
	GroupInvoiceDownload    = "invoiceDownload"     // one invoice by its KSeF number
	GroupInvoiceMetadata    = "invoiceMetadata"     // query of the register
	GroupInvoiceExport      = "invoiceExport"       // export of invoices
	GroupExportStatus       = "invoiceExportStatus" // status of an export
	GroupSessionList        = "sessionList"         // list of sessions
	GroupAnonymous          = "anonymous"           // calls that log in to KSeF itself
	GroupOther              = "other"               // limits of the operations that are not named above; see [Other]
)

// GroupCredentials counts no requests. It is frozen when KSeF refuses a tenant's credentials, and
// while it is frozen, no requests are sent for the tenant.
const GroupCredentials = "credentials"

// Other returns the group of an operation that KSeF's table does not list. It has the limits of
// [GroupOther] and a counter of its own.
func Other(operation string) string { return GroupOther + ":" + operation }

// family returns the group whose limits apply when a group has no limits of its own. For example,
// the family of "other:publicKey" is "other".
func family(group string) string {
	name, _, _ := strings.Cut(group, ":")
	return name
}
