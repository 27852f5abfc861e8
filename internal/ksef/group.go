package ksef

import "strings"

// Group names a counter of KSeF's request limits, by KSeF's own name (see package numbers).
// Operations of one group share its windows. Every group "other:…" is a counter of its own, with
// the limits of KSeF's group "other".
type Group string

// The groups. GroupNone is every request to a pre-signed address, such as the upload of a part.
// KSeF does not count these.
const (
	GroupNone               Group = ""
	GroupOnlineSession      Group = "onlineSession"
	GroupOnlineSessionClose Group = "onlineSessionClose"
	GroupInvoiceSend        Group = "invoiceSend"
	GroupBatchSession       Group = "batchSession"
	GroupBatchSessionClose  Group = "batchSessionClose"
	GroupInvoiceStatus      Group = "invoiceStatus"
	GroupSessionInvoiceList Group = "sessionInvoiceList"
	GroupSessionMisc        Group = "sessionMisc"
	GroupInvoiceDownload    Group = "invoiceDownload"
	GroupMetadata           Group = "invoiceMetadata"
	GroupQueryStart         Group = "invoiceExport"
	GroupQueryStatus        Group = "invoiceExportStatus"
	GroupSessionList        Group = "sessionList"
	// GroupLogin is every call that leads to an access token, except the one that fetches public
	// keys. KSeF counts it per address and not per taxpayer.
	GroupLogin Group = "anonymous"

	// GroupSessionUPO is the receipt of a session or of one invoice. KSeF counts it together with a
	// session's status (see [Group.Counter]), but it can be out of service while the status is not.
	GroupSessionUPO Group = "sessionMisc:upo"

	GroupPublicKey        Group = "other:publicKey"
	GroupValidate         Group = "other:validate"
	GroupGenerate         Group = "other:generate"
	GroupLinks            Group = "other:links"
	GroupVisualize        Group = "other:visualize"
	GroupVisualizeUPO     Group = "other:visualizeUPO"
	GroupQueryResult      Group = "other:queryResult"
	GroupBoxUploadInvoice Group = "other:boxUploadInvoice"
	GroupBoxInvoice       Group = "other:boxInvoice"
	GroupBoxUploadBatch   Group = "other:boxUploadBatch"
	GroupBoxBatch         Group = "other:boxBatch"
	GroupBoxDownload      Group = "other:boxDownload"
	GroupBoxDownloaded    Group = "other:boxDownloaded"
	GroupRateLimits       Group = "other:rateLimits"
	GroupContextLimits    Group = "other:contextLimits"
	GroupCertificates     Group = "other:certificates"
	GroupTokens           Group = "other:tokens"
	GroupLoginSessions    Group = "other:loginSessions"
)

// Groups lists every group but GroupNone, for metrics that are registered at zero.
func Groups() []Group {
	return []Group{
		GroupOnlineSession, GroupOnlineSessionClose, GroupInvoiceSend, GroupBatchSession, GroupBatchSessionClose,
		GroupInvoiceStatus, GroupSessionInvoiceList, GroupSessionMisc, GroupSessionUPO, GroupInvoiceDownload, GroupMetadata,
		GroupQueryStart, GroupQueryStatus, GroupSessionList, GroupLogin, GroupPublicKey, GroupValidate, GroupGenerate, GroupLinks,
		GroupVisualize, GroupVisualizeUPO, GroupQueryResult, GroupBoxUploadInvoice, GroupBoxInvoice, GroupBoxUploadBatch, GroupBoxBatch,
		GroupBoxDownload, GroupBoxDownloaded, GroupRateLimits, GroupContextLimits, GroupCertificates,
		GroupTokens, GroupLoginSessions,
	}
}

// Other reports whether the group has the limits of KSeF's "other".
func (g Group) Other() bool { return strings.HasPrefix(string(g), "other:") }

// Counter returns the group whose windows count requests of g. This is g itself, except for
// [GroupSessionUPO].
func (g Group) Counter() Group {
	if g == GroupSessionUPO {
		return GroupSessionMisc
	}
	return g
}

// OfObject reports whether a request of the group counts as a request about a single thing, such as
// a session, an invoice or an export. A single thing can fail while everything else works. OfObject
// reports false for requests to pre-signed addresses, and for requests that open a session, send an
// invoice, log in, list sessions, or fetch the public key or limits. Those requests concern the
// other side as a whole, or its store of parts.
func (g Group) OfObject() bool {
	switch g {
	case GroupNone, GroupOnlineSession, GroupBatchSession, GroupInvoiceSend, GroupPublicKey, GroupLogin, GroupSessionList,
		GroupRateLimits, GroupContextLimits:
		return false
	}
	return true
}
