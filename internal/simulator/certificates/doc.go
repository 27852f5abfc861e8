// Package certificates is the part of the simulator that issues KSeF certificates: it tells a
// client which data to put into its request (PKCS#10), checks the request, signs it with an
// authority of its own and keeps the register of what it issued.
//
// It knows no HTTP and no logins; package ministry brings them together. It shares no code with the
// client.
//
// Reading order: office.go, request.go, register.go.
package certificates
