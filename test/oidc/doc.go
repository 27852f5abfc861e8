// Package oidc holds the tests of the setting http.oidc with a provider that others wrote. The
// tests run a real worker and log in to it at zitadel's OpenID provider, which is certified by the
// OpenID Foundation. The package is a module of its own, because the provider links twenty modules
// that no program of ours needs.
package oidc
