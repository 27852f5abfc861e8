// Package qrcode makes the two QR codes of an invoice that leaves KSeF on paper or as a PDF.
//
// KOD I leads to the page where anybody can check whether KSeF has exactly the bytes of the
// invoice. Every such invoice carries KOD I. KOD II proves who issued an invoice that the buyer
// gets before KSeF has it (offline24, unavailability, failure). KOD II is a link signed with the
// issuer's KSeF certificate of type Offline.
//
// Sources: the Ministry's regulation, and its page kody-qr (documentation of KSeF API 2.x). The
// host names are in internal/invoice.
package qrcode
