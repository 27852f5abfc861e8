// Package enrol gets a taxpayer the credentials with which it logs in to KSeF itself. These are a
// self-made certificate for the test environment, a certificate of KSeF and its renewal, or a
// token. The commands "enqueue certificate" and "enqueue token" use this package.
//
// New private keys (EC P-256) are made on this machine and never leave it. Their files have mode
// 0600, and are written before KSeF is asked to issue a certificate. A certificate without its key
// is worth nothing, and still counts against KSeF's limit.
package enrol
