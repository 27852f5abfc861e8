package ministry

import (
	"net/http"
	"strings"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/limits"
	"ksefworker/internal/simulator/login"
)

// bearer says which token an operation needs.
type bearer int

const (
	anonymous bearer = iota
	byLogin          // the operation itself verifies the token, which may be of any kind
	byAccess
)

// operation is one line of the contract.
type operation struct {
	name    string
	method  string
	path    []string // segments below /v2; "*" takes one value
	group   string   // of the request limits
	bearer  bearer
	anyOf   []string // permissions of which one is needed
	body    string   // Content-Type that the request must have; "" means no body
	maxBody int64    // bytes
	act     action
}

// action carries a call out.
type action func(*call) (simulator.Reply, *problem)

const (
	smallBody   = 1 << 20
	invoiceBody = 6 << 20 // 3,000,000 bytes in Base64, and some reserve
	jsonType    = "application/json"
	xmlType     = "application/xml"
)

// These types group the operations by subject. All of them embed the same Ministry.
type (
	keyOps        struct{ *Ministry }
	loginOps      struct{ *Ministry }
	sessionOps    struct{ *Ministry }
	listOps       struct{ *Ministry }
	receiptOps    struct{ *Ministry }
	registerOps   struct{ *Ministry }
	credentialOps struct{ *Ministry }
	testdataOps   struct{ *Ministry }
)

// table returns the operations of the contract that this face has. Where two paths match, the first
// counts.
func (m *Ministry) table() []*operation {
	write := []string{login.InvoiceWrite, login.EnforcementOperations}
	watch := []string{login.InvoiceWrite, login.Introspection, login.EnforcementOperations}
	read := []string{login.InvoiceRead}
	keys, logins, sessions, lists := keyOps{m}, loginOps{m}, sessionOps{m}, listOps{m}
	receipts, register, credentials := receiptOps{m}, registerOps{m}, credentialOps{m}
	var all []*operation
	add := func(o operation, path string) *operation {
		o.path = strings.Split(strings.TrimPrefix(path, "/"), "/")
		if o.group == "" {
			o.group = limits.Other(o.name)
		}
		if o.maxBody == 0 {
			o.maxBody = smallBody
		}
		all = append(all, &o)
		return &o
	}
	get := func(name, path, group string, anyOf []string, act action) *operation {
		return add(operation{name: name, method: http.MethodGet, group: group, bearer: byAccess, anyOf: anyOf, act: act}, path)
	}
	post := func(name, path, group string, anyOf []string, act action) *operation {
		o := operation{name: name, method: http.MethodPost, group: group, bearer: byAccess, anyOf: anyOf, body: jsonType, act: act}
		return add(o, path)
	}
	// The operations of a login are counted by address.
	enter := func(o *operation, b bearer, body string) {
		o.group, o.bearer, o.body = limits.Anonymous, b, body
	}
	enter(get(simulator.OpPublicKey, "/security/public-key-certificates", "", nil, keys.publicKeys), anonymous, "")
	enter(post(simulator.OpChallenge, "/auth/challenge", "", nil, logins.challenge), anonymous, "")
	enter(post(simulator.OpLoginXades, "/auth/xades-signature", "", nil, logins.loginXades), anonymous, xmlType)
	enter(post(simulator.OpLoginToken, "/auth/ksef-token", "", nil, logins.loginToken), anonymous, jsonType)
	enter(post(simulator.OpRedeem, "/auth/token/redeem", "", nil, logins.redeem), byLogin, "")
	enter(post(simulator.OpRefresh, "/auth/token/refresh", "", nil, logins.refresh), byLogin, "")
	get(simulator.OpLoginSessions, "/auth/sessions", "", nil, logins.loginSessions)
	remove := func(name, path string, b bearer, act action) {
		add(operation{name: name, method: http.MethodDelete, bearer: b, act: act}, path)
	}
	remove(simulator.OpLoginRevoke, "/auth/sessions/current", byLogin, logins.revokeOwnLogin)
	remove(simulator.OpLoginRevoke, "/auth/sessions/*", byAccess, logins.revokeLogin)
	enter(get(simulator.OpLoginStatus, "/auth/*", "", nil, logins.loginStatus), byLogin, "")

	post(simulator.OpOpenOnline, "/sessions/online", limits.OnlineSession, write, sessions.openOnline)
	post(simulator.OpSend, "/sessions/online/*/invoices", limits.InvoiceSend, write, sessions.send).maxBody = invoiceBody
	post(simulator.OpClose, "/sessions/online/*/close", limits.OnlineSessionClose, write, sessions.closeOnline).body = ""
	post(simulator.OpOpenBatch, "/sessions/batch", limits.BatchSession, write, sessions.openBatch)
	post(simulator.OpClose, "/sessions/batch/*/close", limits.BatchSessionClose, write, sessions.closeBatch).body = ""
	get(simulator.OpSessionList, "/sessions", limits.SessionList, watch, sessions.sessionList)
	get(simulator.OpSessionStatus, "/sessions/*", limits.SessionMisc, watch, sessions.sessionStatus)
	get(simulator.OpInvoices, "/sessions/*/invoices", limits.SessionInvoiceList, watch, lists.invoices)
	get(simulator.OpFailed, "/sessions/*/invoices/failed", limits.SessionInvoiceList, watch, lists.failed)
	get(simulator.OpInvoiceUPO, "/sessions/*/invoices/ksef/*/upo", limits.SessionMisc, watch, receipts.receiptByNumber)
	get(simulator.OpInvoiceUPO, "/sessions/*/invoices/*/upo", limits.SessionMisc, watch, receipts.receiptByReference)
	get(simulator.OpInvoiceStatus, "/sessions/*/invoices/*", limits.InvoiceStatus, watch, lists.invoice)
	get(simulator.OpUPO, "/sessions/*/upo/*", limits.SessionMisc, watch, receipts.receiptOfSession)

	get(simulator.OpInvoiceGet, "/invoices/ksef/*", limits.InvoiceDownload, read, receipts.document)
	post(simulator.OpMetadata, "/invoices/query/metadata", limits.InvoiceMetadata, read, register.metadata)
	get(simulator.OpRateLimits, "/rate-limits", "", nil, credentials.rateLimits)
	get(simulator.OpContextLimits, "/limits/context", "", nil, credentials.contextLimits)
	get(simulator.OpSubjectLimits, "/limits/subject", "", nil, credentials.subjectLimits)

	post(simulator.OpTokenCreate, "/tokens", "", []string{login.CredentialsManage}, credentials.createToken)
	get(simulator.OpTokenList, "/tokens", "", nil, credentials.tokenList)
	get(simulator.OpTokenStatus, "/tokens/*", "", nil, credentials.token)
	remove(simulator.OpTokenRevoke, "/tokens/*", byAccess, credentials.revokeToken)

	get(simulator.OpCertificateLimits, "/certificates/limits", "", nil, credentials.certificateLimits)
	get(simulator.OpCertificateData, "/certificates/enrollments/data", "", nil, credentials.certificateData)
	post(simulator.OpCertificateEnrol, "/certificates/enrollments", "", nil, credentials.enrol)
	get(simulator.OpCertificateStatus, "/certificates/enrollments/*", "", nil, credentials.enrolment)
	post(simulator.OpCertificateRetrieve, "/certificates/retrieve", "", nil, credentials.retrieve)
	post(simulator.OpCertificateQuery, "/certificates/query", "", nil, credentials.queryCertificates)
	post(simulator.OpCertificateRevoke, "/certificates/*/revoke", "", nil, credentials.revokeCertificate)

	// Operations that only the test environment has.
	testdata := testdataOps{m}
	post(simulator.OpTestData, "/testdata/rate-limits", "", nil, testdata.setRateLimits)
	remove(simulator.OpTestData, "/testdata/rate-limits", byAccess, testdata.resetRateLimits)
	post(simulator.OpTestData, "/testdata/rate-limits/production", "", nil, testdata.resetRateLimits).body = ""
	post(simulator.OpTestData, "/testdata/context/block", "", nil, testdata.block).bearer = anonymous
	post(simulator.OpTestData, "/testdata/context/unblock", "", nil, testdata.unblock).bearer = anonymous
	put := operation{name: simulator.OpTestData, method: http.MethodPut, bearer: byAccess, body: jsonType, act: testdata.shorten}
	add(put, "/testdata/certificates/*")
	return all
}

// find returns the operation of a request and the values in its path. When there is no such
// operation, pathKnown reports whether the path has an operation for another method.
func (m *Ministry) find(method, escapedPath string) (op *operation, values []string, pathKnown bool) {
	route := func(o *operation) simulator.Route { return simulator.Route{Method: o.method, Path: o.path} }
	return simulator.FindRoute(m.operations, route, method, escapedPath)
}
