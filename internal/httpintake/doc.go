// Package httpintake is the way in over the network. Other programs hand invoices in, ask what
// became of them, fetch documents and receipts, and retry or dismiss invoices. The package speaks
// HTTP, and leaves decisions about invoices to packages intake, inquiry and actions, which the
// command line uses too.
//
//	server.go        routes, and what every call passes: request id, login, rate
//	strangers.go     tenants whose name means another taxpayer in the ledger: nothing of them is shown
//	clients.go       who may call: bearer keys from files; clients_first.go: the keys at a start;
//	                 limits.go: how often and how many at once
//	body.go          the body of a call, bounded in size, time and memory
//	documents.go     the documents in a body: xml, zip; multipart.go, jsonbody.go;
//	                 faktura.go: invoices that are JSON themselves; jsonnames.go: whether a body
//	                 may have such invoices
//	submit.go        POST /v1/invoices; item.go: the answer about one document, also about one
//	                 that belongs to another client
//	list.go          GET /v1/invoices; filter.go: which invoices it lists; cursor.go: its pages;
//	                 parameters.go: the parameters that a query may have
//	                 lost.go: damaged entries in a list; misplaced.go: those without a place in it;
//	                 one.go: one invoice, its XML and its UPO; forms.go: its QR code and its PDF;
//	                 instead.go: what the archive has of an invoice whose entry is damaged
//	events.go        GET /v1/events: what became final, in order
//	act.go           :retry and :dismiss
//	refused.go       a refused document by its id: what was wrong with it, and :dismiss
//	problem.go       errors as RFC 9457 problem details; language.go: in English or Polish
//	openapi.go       the description of all this, openapi.yaml, and a page to read it;
//	                 schema.go: the fields of bodies and answers on that page
//
// A server keeps nothing itself. Everything that must last is in the ledger, which any number of
// servers can share. Callers are not trusted. Every client sees its own tenants only, and every
// body, archive, list and wait has a bound.
package httpintake
