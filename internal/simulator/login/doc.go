// Package login is the part of the simulator that lets clients into the Ministry's API: challenges,
// signed requests and encrypted tokens, the three kinds of JWT, and the permissions that a login
// has in its context.
//
// Signatures are really verified (package xades). Nothing here knows HTTP: package ministry writes
// the answers. It shares no code with the client, so a mistake in the client's signature is found
// here and not before production.
//
// These are modelled: the challenge that lives ten minutes and is used once, the checks of the
// request against its schema, certificates of a person and of an entity, self-signed ones (as the
// test environment takes them) and those that KSeF issued, tokens with their permissions, the
// asynchronous operation with its status codes, tokens that are redeemed once, refreshing,
// revoking, and the policy of allowed addresses.
//
// These are not modelled: trusted lists and revocation lists (a foreign issuer is as good as a
// self-signed certificate), the trusted profile and Peppol.
//
// Where the contract does not say, the stricter reading was taken: a challenge is used up by the
// first request that names it, a login that was revoked cannot be redeemed, and a bearer of the
// wrong kind is 401.
//
// Reading order: desk.go, challenge.go, signed.go, request.go, policy.go, subject.go, encrypted.go,
// operation.go, jwt.go, access.go, end_login.go, permissions.go, tokens.go.
package login
