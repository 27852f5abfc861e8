package ksef

import (
	"context"
	"strings"
	"time"
)

// Group names a counter of KSeF's request limits (KSeF limits, September 2026). Operations of one group share its windows. Every "other:…"
// operation is a counter of its own with the limits of KSeF's group "other".
type Group string

// The groups. GroupNone is the upload of batch parts, which KSeF does not count.
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

	// The receipt of a session is counted together with a session's status (see [Group.Counter]),
	// and yet it can be out of service while the status is not.
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
)

// Groups lists every group, in the order of the constants: for metrics that are registered at zero.
func Groups() []Group {
	return []Group{
		GroupOnlineSession, GroupOnlineSessionClose, GroupInvoiceSend, GroupBatchSession, GroupBatchSessionClose, GroupInvoiceStatus,
		GroupSessionInvoiceList, GroupSessionMisc, GroupSessionUPO, GroupInvoiceDownload, GroupMetadata, GroupQueryStart, GroupQueryStatus,
		GroupPublicKey, GroupValidate, GroupGenerate, GroupLinks, GroupVisualize, GroupVisualizeUPO, GroupQueryResult, GroupBoxUploadInvoice, GroupBoxInvoice, GroupBoxUploadBatch, GroupBoxBatch, GroupBoxDownload,
		GroupBoxDownloaded,
	}
}

// Other tells whether the group has the limits of KSeF's "other".
func (g Group) Other() bool { return strings.HasPrefix(string(g), "other:") }

// Counter is the group whose windows count requests of this one: itself, for all but
// [GroupSessionUPO].
func (g Group) Counter() Group {
	if g == GroupSessionUPO {
		return GroupSessionMisc
	}
	return g
}

// OfObject tells whether a request of the group asks about one thing that is there already: a session,
// an invoice, an export. Such a thing can be sick alone. What opens a session, sends an invoice or
// fetches the public key asks the gateway itself.
func (g Group) OfObject() bool {
	switch g {
	case GroupNone, GroupOnlineSession, GroupBatchSession, GroupInvoiceSend, GroupPublicKey:
		return false
	}
	return true
}

// Gate is what stands between the client and the network: the caller's limiter and circuit. It must be safe for concurrent use.
type Gate interface {
	// Enter returns when a request of the group may leave. An error stops the request: it comes back in an *APIError of KindGated, unchanged
	// (errors.Is and errors.As see it). Uploads of parts enter with GroupNone; they go to another host than the gateway's.
	Enter(ctx context.Context, group Group) error
	// Leave is told what came of it, exactly once for each Enter that returned nil, after the answer was read. Its context keeps the values of the
	// caller's but is never cancelled: a 429 must reach the shared limiter even when the caller has given up.
	Leave(ctx context.Context, group Group, outcome Outcome)
}

// Outcome is what a gate learns of a request. The zero Outcome with Status 200 is a plain success.
type Outcome struct {
	// Status is the HTTP status, 0 when no answer began.
	Status int
	// RetryAfter is how long the other side asks to wait, uncapped. 0: it did not say.
	RetryAfter time.Duration
	// Throttled: HTTP 429.
	Throttled bool
	// Outage: network error, time-out, 5xx, or something else than the gateway's own answer (HTML where JSON was due, a garbled body). A request that the
	// caller cancelled, or that never began because of a fault on this side, is none.
	Outage bool
	// Unreachable: an outage in which no connection to the other side came about, so that it learnt
	// nothing of the request: no route, no listener, no name, no handshake. The fault may be this
	// machine's.
	Unreachable bool
	// Err is what the caller gets; nil on success.
	Err error
}

func outcomeOf(status int, e *APIError) Outcome {
	o := Outcome{Status: status}
	if e != nil {
		o.RetryAfter = e.RetryAfter
		o.Throttled = e.Kind == KindThrottled
		o.Outage = e.Kind == KindOutage || e.Kind == KindNetwork
		o.Unreachable = e.Unreachable()
		o.Err = e
	}
	return o
}
