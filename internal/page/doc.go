// Package page is the business page. Here accountants and operators look up invoices, see why they
// wait, and act on what needs a person. It is HTML made on the server, in Polish and English, and
// works without JavaScript.
//
// The page reads and acts through the packages that the command line and the HTTP interface use. It
// has no rules of its own about invoices. Its own parts are who may see what (user.go), sessions
// (session.go), bounds on what a page reads, and words. Every list is read through [visit.sees], so
// that a user of one tenant learns nothing of another.
//
//	page.go                                      routes
//	visit.go, handlers.go                        one request, and what answers it
//	stranger.go                                  tenants whose name means another taxpayer in the ledger
//	access.go, user.go, session.go, login.go     who is there, and what is shown without a login
//	signin.go, grant.go                          who logs in at a provider, and what they may do
//	pool.go                                      what the overview needs, read once for all
//	overview.go, tenant.go, chart.go             how the tenants stand
//	search.go, buyer.go, refused.go              invoices, and documents that were not taken in
//	invoice.go, history.go, files.go, readable.go  one invoice
//	open.go, act.go                              what needs a person
//	export.go, spreadsheet.go                    lists as files
//	days.go                                      reports
//	deliveries.go, delivered.go, resend.go       what receivers of results were told
//	auditlog.go                                  who did what
//	language.go, words.go, said.go, format.go, render.go  how texts are said
package page
