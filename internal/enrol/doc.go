// Package enrol gets a taxpayer the credentials with which it logs in to KSeF itself. These are a
// self-made certificate for the test environment, a certificate of KSeF and its renewal, or a
// token. The commands "enqueue certificate" and "enqueue token" use this package.
//
// New private keys (EC P-256) are made on this machine and never leave it. They are written with
// mode 0600 before KSeF is asked to issue a certificate, because a certificate without its key is
// worth nothing, and still counts against KSeF's limit.
package enrol
