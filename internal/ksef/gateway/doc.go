// Package gateway is a complete, typed client of the KSeF API REST gateway at ksefapi.pl. It knows
// how a request is made and what its answer says, and nothing else: it states facts, never
// verdicts. Package retry decides what to do about a fact. The [ksef.Gate] that the caller hands in
// decides when a request may leave.
//
// # One way to the network
//
// Every request, uploads of parts included, goes through package httponce, which sends it once and
// never again. The gateway closes a session by a GET, so the standard library's rule "a GET may be
// replayed on a broken connection" would be wrong here.
//
// # Environments
//
// [TestURL] leads to KSeF's test environment: free, every operation open, invoices without legal
// effect. [ProductionURL] leads to KSeF itself and needs a paid package. A key belongs to one
// account of one taxpayer, so a program that serves several taxpayers holds a [Client] for each.
//
// # Errors
//
// The codes of the gateway's own errors ([ksef.APIError].Code) are not published. So the HTTP
// status decides first (httponce, maperror.go); code and description are kept to be shown.
package gateway
