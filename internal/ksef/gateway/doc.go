// Package gateway is a complete, typed client of the KSeF API REST gateway at ksefapi.pl. It knows
// only how a request is made and what the answer says. It states facts. Package retry decides what
// to do about them. The [ksef.Gate] that the caller hands in decides when a request may leave.
//
// # One way to the network
//
// Every request, uploads of parts included, goes through package httponce, which sends it only
// once. The standard library may replay a GET on a broken connection. Here that would be wrong,
// because the gateway closes a session by a GET.
//
// # Environments
//
// [TestURL] leads to KSeF's test environment. It is free and has every operation, and its invoices
// have no legal effect. [ProductionURL] leads to KSeF's production environment and needs a paid
// plan of the gateway's operator. A key belongs to one account of one taxpayer. So a program for
// several taxpayers needs a [Client] for each.
//
// # Errors
//
// The codes of the gateway's own errors ([ksef.APIError].Code) are not published. So the HTTP
// status decides first (httponce, maperror.go). Code and description are kept to be shown.
package gateway
