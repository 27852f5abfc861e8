// Package oidc lets people log in at an OpenID Connect provider. Its only flow is the authorization
// code flow of OpenID Connect Core 1.0 with PKCE (RFC 7636, S256).
//
// The package checks each ID token: the signature (with a key that the provider publishes), the
// issuer, the audience (this client) and the times. It also checks that the answer of the provider
// belongs to a login that this browser began. Roles, tenants and sessions belong to package page.
//
//	provider.go   how a login begins, and for how long the metadata of the provider is used
//	discovery.go  how the discovery document of the provider is requested and checked
//	client.go     requests to the provider: bounded in time and size, and never redirected
//	attempt.go    one login: what binds its end to the browser that began it
//	exchange.go   from a code to a person
//	person.go     who the person is, by the claims
//	fault.go      why a login fails
package oidc
