// Package httponce is the way to the network that KSeF's clients share. The other side of a request
// is KSeF, or the gateway in front of it. Every request of a client, the upload of a part included,
// passes one method, [Client.Do]. This method deals with the gate ([ksef.Gate]), the time limit,
// the credentials, the size of the answer and the mapping of errors. The client decides what a
// request says and what the answer means.
//
// No request is ever sent twice by this package or by the transport below it, and no redirect is
// followed (noreplay.go). An error tells in [ksef.APIError].MaybeDone whether the request may have
// been carried out. MaybeDone is false only with proof (progress.go). Credentials and URL queries
// are removed from every error, also where the other side quotes them (redact.go).
package httponce
