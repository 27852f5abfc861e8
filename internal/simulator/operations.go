package simulator

import (
	"net/http"
	"net/url"

	"ksefworker/internal/simulator/limits"
)

// Names of the operations in faults and logs.
const (
	opPublicKey         = "publicKey"
	opOpenOnline        = "openOnline"
	opOpenBatch         = "openBatch"
	opPart              = "part"
	opSessionStatus     = "sessionStatus"
	opInvoices          = "invoices"
	opClose             = "close"
	opUPO               = "upo"
	opSend              = "send"
	opInvoiceStatus     = "invoiceStatus"
	opInvoiceGet        = "invoiceGet"
	opValidate          = "validate"
	opGenerate          = "generate"
	opLinks             = "links"
	opVisualize         = "visualize"
	opUPOVisualize      = "upoVisualize"
	opMetadata          = "metadata"
	opQueryStart        = "queryStart"
	opQueryStatus       = "queryStatus"
	opQueryResult       = "queryResult"
	opBoxUploadInvoice  = "boxUploadInvoice"
	opBoxInvoiceStatus  = "boxInvoiceStatus"
	opBoxUploadBatch    = "boxUploadBatch"
	opBoxBatchStatus    = "boxBatchStatus"
	opBoxDownload       = "boxDownload"
	opBoxDownloadStatus = "boxDownloadStatus"
)

func operationNames() []string {
	return []string{opPublicKey, opOpenOnline, opOpenBatch, opPart, opSessionStatus, opInvoices, opClose, opUPO, opSend, opInvoiceStatus,
		opInvoiceGet, opValidate, opGenerate, opLinks, opVisualize, opUPOVisualize, opMetadata, opQueryStart, opQueryStatus, opQueryResult,
		opBoxUploadInvoice, opBoxInvoiceStatus, opBoxUploadBatch, opBoxBatchStatus, opBoxDownload, opBoxDownloadStatus,
		OpChallenge, OpLoginXades, OpLoginToken, OpLoginStatus, OpRedeem, OpRefresh, OpLoginSessions, OpLoginRevoke,
		OpFailed, OpInvoiceUPO, OpDownload, OpSessionList, OpRateLimits, OpContextLimits, OpSubjectLimits,
		OpCertificateLimits, OpCertificateData, OpCertificateEnrol, OpCertificateStatus, OpCertificateRetrieve,
		OpCertificateRevoke, OpCertificateQuery, OpTokenCreate, OpTokenList, OpTokenStatus, OpTokenRevoke,
		OpTestData}
}

// Content types of requests and answers.
const (
	jsonType  = "application/json"
	xmlType   = "text/xml"
	htmlType  = "text/html"
	pdfType   = "application/pdf"
	zipType   = "application/zip"
	bytesType = "application/octet-stream"
)

// operation is one operation of the gateway: what a request must look like, and what answers it.
type operation struct {
	name    string
	method  string
	path    []string // segments; "*" takes one value
	group   string   // of request limits; "" means that the operation has a group of its own
	accepts string   // content type of a success, which an Accept header must allow; "" is any
	body    string   // Content-Type that the request must have
	maxBody int64    // bytes
	act     func(*call) (reply, *refusal)
}

// counter returns the group in which a request is counted.
func (op *operation) counter() string {
	if op.group != "" {
		return op.group
	}
	return limits.Other(op.name)
}

const (
	smallBody   = 1 << 20
	invoiceBody = 6 << 20 // 3,000,000 bytes in Base64, and some reserve
	packageBody = 2 << 30
)

// table returns the operations of the gateway.
func (s *Simulator) table() []*operation {
	get := func(name, path, group, accepts string, act func(*call) (reply, *refusal)) *operation {
		return &operation{name: name, method: http.MethodGet, path: segments(path), group: group, accepts: accepts, act: act}
	}
	post := func(name, path, group, accepts string, maxBody int64, act func(*call) (reply, *refusal)) *operation {
		return &operation{
			name: name, method: http.MethodPost, path: segments(path), group: group, accepts: accepts,
			body: jsonType, maxBody: maxBody, act: act,
		}
	}
	validate := post(opValidate, "/invoice/validate", "", jsonType, invoiceBody, s.validateInvoice)
	validate.body = xmlType
	boxBatch := post(opBoxUploadBatch, "/box/upload/batch", "", jsonType, packageBody, s.boxUploadBatch)
	boxBatch.body = "multipart/form-data"
	return []*operation{
		get(opPublicKey, "/invoice/public/key", "", jsonType, s.publicKey),
		post(opOpenOnline, "/invoice/session/open/online", limits.OnlineSession, jsonType, smallBody, s.openOnline),
		post(opOpenBatch, "/invoice/session/open/batch", limits.BatchSession, jsonType, smallBody, s.openBatch),
		get(opSessionStatus, "/invoice/session/status/*", limits.SessionMisc, jsonType, s.sessionStatus),
		get(opInvoices, "/invoice/session/invoices/*", limits.SessionInvoiceList, jsonType, s.sessionInvoices),
		get(opClose, "/invoice/session/close/*", limits.BatchSessionClose, jsonType, s.closeSession),
		get(opUPO, "/invoice/session/upo/*", limits.SessionMisc, xmlType, s.sessionReceipt),
		post(opSend, "/invoice/send", limits.InvoiceSend, jsonType, invoiceBody, s.sendInvoice),
		get(opInvoiceStatus, "/invoice/status/*", limits.InvoiceStatus, jsonType, s.invoiceStatus),
		get(opInvoiceGet, "/invoice/get/*", limits.InvoiceDownload, xmlType, s.invoiceGet),
		validate,
		post(opGenerate, "/invoice/generate", "", xmlType, invoiceBody, s.generate),
		post(opLinks, "/invoice/links", "", jsonType, smallBody, s.links),
		post(opVisualize, "/invoice/visualize", "", "", invoiceBody, s.visualize),
		post(opUPOVisualize, "/invoice/upo/visualize", "", pdfType, packageBody, s.visualizeReceipt),
		post(opMetadata, "/invoice/metadata", limits.InvoiceMetadata, jsonType, smallBody, s.metadata),
		post(opQueryStart, "/invoice/query/start", limits.InvoiceExport, jsonType, smallBody, s.queryStart),
		get(opQueryStatus, "/invoice/query/status/*", limits.InvoiceExportStatus, jsonType, s.queryStatus),
		get(opQueryResult, "/invoice/query/result/*/*", "", bytesType, s.queryResult),
		post(opBoxUploadInvoice, "/box/upload/invoice", "", jsonType, invoiceBody, s.boxUploadInvoice),
		get(opBoxInvoiceStatus, "/box/upload/invoice/*", "", jsonType, s.boxInvoiceStatus),
		boxBatch,
		get(opBoxBatchStatus, "/box/upload/batch/*", "", jsonType, s.boxBatchStatus),
		post(opBoxDownload, "/box/download/invoices", "", jsonType, smallBody, s.boxDownload),
		get(opBoxDownloadStatus, "/box/download/invoices/*", "", zipType, s.boxDownloadStatus),
	}
}

// find returns the operation of a request and the values in its path. When there is no such
// operation, pathKnown reports whether the path has an operation for another method.
func (s *Simulator) find(method string, u *url.URL) (op *operation, values []string, pathKnown bool) {
	route := func(o *operation) Route { return Route{Method: o.method, Path: o.path} }
	return FindRoute(s.operations, route, method, u.EscapedPath())
}
