// Package login keeps one taxpayer logged in to KSeF. It gets a challenge, sends a signature or an
// encrypted token, polls, redeems the tokens once, and refreshes the access token before it ends. A
// [Session] does all this for one tenant in one process. It implements [direct.Tokens].
//
// # What becomes of a failure
//
// The error of a login that failed is kept for a while. Meanwhile every caller gets this error, and
// no request goes to KSeF. Otherwise every task of the pool would try a login that cannot succeed.
// Where a person must act (no permissions, token or certificate refused, context blocked), the
// error is of [ksef.KindUnauthorized] and says what to do. After other failures of KSeF or the
// network a login is tried again, after pauses that grow. failure.go has the rules.
//
// A refresh that fails is followed by a full login even if KSeF answered 400 or 500. KSeF has given
// these answers where 401 was due (issues 524, 694 and 704 of CIRFMF/ksef-api). No login follows
// when the refresh was held back on this side or KSeF answered 429, because the login would be held
// back as well.
//
// Tokens of logins are in memory only.
package login
