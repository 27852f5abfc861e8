// Package enrol gets a taxpayer the credentials with which it logs in to KSeF itself: a self-made
// certificate for the test environment, a certificate of KSeF and its renewal, a token. It is what
// the commands "enqueue certificate" and "enqueue token" do.
//
// New private keys (EC P-256) are made on this machine and never leave it. They are written with
// mode 0600 before KSeF is asked to issue a certificate: a certificate without its key is worth
// nothing, and KSeF counts it all the same.
package enrol
