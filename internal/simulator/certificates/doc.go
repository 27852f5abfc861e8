// Package certificates is the part of the simulator that issues KSeF certificates. It tells a
// client which data to put into its request (PKCS#10), and checks the request. It signs the
// certificate with an authority of its own and keeps the register of issued certificates.
//
// Package ministry adds HTTP and logins. Package certificates shares no code with the client that
// it is there to test.
//
// Reading order: office.go, request.go, register.go.
package certificates
