// Package login keeps one taxpayer logged in to KSeF. It gets a challenge, and answers it with a
// signature or an encrypted KSeF token. It polls until the login is done, and fetches the access
// token and the refresh token, which KSeF gives only once. It refreshes the access token before
// that ends. A [Session] does all this for one tenant in one process. It implements
// [direct.Tokens].
//
// # What becomes of a failure
//
// The error of a login that failed is kept for a while. Meanwhile no request goes to KSeF. Callers
// get the old access token while it is valid, and this error after that. Otherwise every task of
// the pool would try a login that cannot succeed. Where a person must act (a token or a certificate
// was refused, permissions are missing, the context is blocked), the error is of
// [ksef.KindUnauthorized] and says what to do. Such a login is tried again after a fixed pause.
// When KSeF or the network failed in another way, the pauses grow. failure.go has the rules.
//
// A refresh that fails is followed by a full login even if KSeF answered 400 or 500. KSeF has given
// these answers where 401 was due (issues 524, 694 and 704 of CIRFMF/ksef-api). No login follows
// when the refresh was held back on this side or KSeF answered 429, because the login would be held
// back as well.
//
// Tokens of logins are in memory only.
package login
