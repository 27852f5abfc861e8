// Package proof makes one ZIP of everything that proves what became of an invoice. The ZIP contains
// the document as it was sent, the receipt (UPO), the result, the QR code, and the document as a
// web page that people can read. A page in Polish says what proves what and how to check it with
// standard tools.
//
// The ZIP is made for somebody who has never heard of this program, such as an auditor, a court or
// the buyer. Its words are Polish, whatever the language of the machine.
package proof
