// Package login keeps one taxpayer logged in to KSeF: challenge, signature or encrypted token,
// poll, redeem once, refresh before the token ends. A [Session] does it for one tenant in one
// process; it is a [direct.Tokens].
//
// # What becomes of a failure
//
// The error of a login that failed is kept for a while, and every caller gets it without a request
// of its own. Otherwise every task of the pool would try a login that cannot succeed. Where a
// person must act (no permissions, token or certificate refused, context blocked), the error is of
// [ksef.KindUnauthorized] and says what to do. After other failures of KSeF or the network a login
// is tried again, after pauses that grow. failure.go has the rules.
//
// A refresh that fails is followed by a full login even if KSeF answered 400 or 500: KSeF has been
// seen to answer so where 401 was due (issues 524, 694 and 704 of CIRFMF/ksef-api). There is no
// login when the refresh was held back on this side, or when KSeF answered 429: a login would be
// held back as well.
//
// Tokens of logins are in memory only.
package login
