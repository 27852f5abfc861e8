// Package ministry is the simulator's second face: the Ministry's own KSeF API 2.x under /v2, on
// the same sessions, invoices, limits, faults and books as the gateway's face.
//
// It is as strict as the first. A body with an unknown or a missing field is refused, a bearer
// token of the wrong kind is 401, a permission that is missing is 403, a page token of another list
// is 21418, a key that was rotated away is 21470. Logging in is real: package login verifies
// signatures and tokens.
//
// These are modelled: logging in, both kinds of session with ZIP and tar.gz, lists page by page,
// the UPO by session, by invoice and by pre-signed addresses that expire, the register, limits,
// KSeF certificates, tokens, both forms of errors, and rotation of the keys.
//
// These are not modelled: exports, granting permissions, collective identifiers, Peppol, PEF and
// FA_RR forms, most operations under /testdata, and the signature on the UPO.
//
// Now and then this face does what the contract promises not to do (Options.Novelty). An answer has
// a field that nobody knows, or a value outside a list of values, or a public key for a usage that
// does not exist yet. Real KSeF adds such things between releases.
//
// Faults are those of package simulator, by the same names of operations. A "paused" session is
// {on: send, kind: refused, code: 21184}. A firewall's page is {kind: status, code: 403}. A close
// that was done but answered 500 is {on: close, kind: 500-after}. A refresh that fails is {on:
// refresh, kind: status, code: 500}. Tokens that were redeemed but that nobody got are {on: redeem,
// kind: drop-answer}. A session that is not found right after it was opened is {on: sessionStatus,
// kind: refused, code: 21173}.
//
// Reading order: ministry.go, operations.go, serve.go, problems.go, answers.go, keys.go, logins.go,
// sessions.go, batch.go, pages.go, lists.go, receipts.go, register.go, record.go, allowances.go,
// tokens.go, certificates.go, testdata.go.
package ministry
