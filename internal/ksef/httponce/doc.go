// Package httponce is the way to the network that KSeF's clients share. Every request of a client,
// the upload of a part included, passes one method, [Client.Do]: gate, time allowed, credentials,
// size cap, mapping of errors. What a request says and what its answer means is the client's
// business.
//
// No request is ever sent twice by this package or by the transport below it, and no redirect is
// followed (noreplay.go). An error tells in [ksef.APIError].MaybeDone whether the request may have
// been carried out. MaybeDone is false only with proof (progress.go). No credential, no query of a
// URL and nothing that the other side quotes of them reaches an error (redact.go).
package httponce
