// Package proof makes one ZIP of everything that proves what became of an invoice: the document as
// it was sent, the receipt (UPO), the result, the QR code, a form that people can read, and a page
// in Polish that says what proves what and how to check it with standard tools.
//
// It is made for somebody who has never heard of this program: an auditor, a court, the buyer. Its
// words are Polish, whatever the language of the machine.
package proof
