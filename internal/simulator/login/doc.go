// Package login is the part of the simulator that lets clients into the Ministry's API. It has the
// challenges, the signed requests and encrypted tokens, and the three kinds of JWT. It also knows
// the permissions of a login in its context, which is the taxpayer that it acts for.
//
// Signatures are really verified (package xades). Package ministry handles HTTP. Package login
// shares no code with the client, so that tests find mistakes in the client's signature.
//
// These are modelled:
//
//   - the challenge, which lives ten minutes and is used once;
//   - the checks of the request against its schema;
//   - certificates of a person and of an entity, both from KSeF and self-signed (as the test
//     environment accepts them);
//   - tokens with their permissions;
//   - the asynchronous operation with its status codes;
//   - redeeming tokens once, refreshing and revoking;
//   - the policy of allowed addresses.
//
// These are not modelled: trusted lists and revocation lists (a foreign issuer is as good as a
// self-signed certificate), the trusted profile and Peppol.
//
// Where the contract is silent, the stricter reading was taken. For example, the first request that
// is well-formed and correctly signed uses up its challenge, even if its login fails later. A
// revoked login cannot be redeemed. A bearer token of the wrong kind is answered with 401.
//
// Reading order: desk.go, challenge.go, signed.go, request.go, policy.go, subject.go, encrypted.go,
// operation.go, jwt.go, access.go, end_login.go, permissions.go, tokens.go.
package login
