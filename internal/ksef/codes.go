package ksef

import "slices"

// Codes of an invoice's [StatusInfo] (KSeF documentation, September 2026).
const (
	InvoiceReceived              = 100 // accepted for processing
	InvoiceProcessing            = 150
	InvoiceAccepted              = 200 // the KSeF number is set
	InvoiceCancelledWithSession  = 405 // cancelled because the session failed
	InvoicePermissionScope       = 410 // wrong scope of permissions
	InvoiceAttachmentsNotAllowed = 415
	InvoiceFileRefused           = 430 // file verification failed
	InvoiceNotDecrypted          = 435
	InvoiceDuplicate             = 440 // extensions name the original, see InvoiceInfo.Original
	InvoiceSemanticsRefused      = 450 // semantic verification failed
	InvoiceUnknownError          = 500 // send again
	InvoiceCancelledBySystem     = 550 // send again
)

// SessionProcessed is the code of a session that is done, online or batch. Its UPO can be fetched.
const SessionProcessed = 200

// Codes of an online session's [StatusInfo] (KSeF documentation, September 2026).
const (
	OnlineSessionOpen            = 100
	OnlineSessionClosed          = 170 // closed, not yet processed
	OnlineSessionKeyNotDecrypted = 415
	OnlineSessionCancelled       = 440 // no invoices were sent
	OnlineSessionNoValidInvoices = 445
)

// Codes of a batch session's [StatusInfo] (KSeF documentation, September 2026).
const (
	BatchSessionStarted           = 100
	BatchSessionProcessing        = 150
	BatchSessionPartsDiffer       = 405 // parts do not match what was declared
	BatchSessionKeyNotDecrypted   = 415
	BatchSessionTooManyInvoices   = 420
	BatchSessionArchiveBroken     = 430 // archive can't be unpacked
	BatchSessionPartsNotDecrypted = 435
	BatchSessionCancelled         = 440 // too late, or nothing sent
	BatchSessionNoValidInvoices   = 445
	BatchSessionUnknownError      = 500
)

// Codes of errors with which KSeF's own API refuses a request (contract 2.7.0; 21184 is new in
// 2.8.0). They say nothing about the content of an invoice.
const (
	CodeUPONotThere      = 21178 // there is no such UPO, or not yet
	CodeSessionFull      = 21155 // the session accepts no more invoices
	CodeNoSession        = 21173 // no such session; also seen right after a session was opened
	CodeSessionForbids   = 21180 // the session's status, such as closed, forbids the request
	CodeSessionPaused    = 21184 // paused for service: open another session; the invoice was not taken
	CodePageToken        = 21418 // the continuation token is not valid: read the list from the start
	CodeStaleKey         = 21470 // the public key was withdrawn, or is not KSeF's
	CodeInvoiceNotReady  = 21165 // processed, but it cannot be fetched yet
	CodeNoInvoice        = 21164 // no invoice of this KSeF number
	CodePartSize         = 21157 // a part is not of the declared size
	CodePartMissing      = 21205 // a declared part was not uploaded
	CodeUploadTooLate    = 21208 // the time for uploads is over
	CodeAlreadyCorrected = 21166 // the rejected invoice has a technical correction already
	CodeNotCorrectable   = 21167 // the invoice cannot have a technical correction
	CodeInvalidRequest   = 21405 // a field of the request is not valid
)

var invoiceMeanings = map[int]string{
	InvoiceReceived:              "accepted for processing",
	InvoiceProcessing:            "processing",
	InvoiceAccepted:              "accepted, has its KSeF number",
	InvoiceCancelledWithSession:  "cancelled because the session failed",
	InvoicePermissionScope:       "wrong scope of permissions",
	InvoiceAttachmentsNotAllowed: "attachments are not allowed",
	InvoiceFileRefused:           "file verification failed",
	InvoiceNotDecrypted:          "could not be decrypted",
	InvoiceDuplicate:             "duplicate of an invoice that KSeF has",
	InvoiceSemanticsRefused:      "semantic verification failed",
	InvoiceUnknownError:          "unknown error",
	InvoiceCancelledBySystem:     "cancelled by the system, send it again",
}

var onlineMeanings = map[int]string{
	OnlineSessionOpen:            "open",
	OnlineSessionClosed:          "closed, being processed",
	SessionProcessed:             "processed",
	OnlineSessionKeyNotDecrypted: "the session key could not be decrypted",
	OnlineSessionCancelled:       "cancelled, no invoices were sent",
	OnlineSessionNoValidInvoices: "no valid invoices",
}

var batchMeanings = map[int]string{
	BatchSessionStarted:           "started",
	BatchSessionProcessing:        "processing",
	SessionProcessed:              "processed",
	BatchSessionPartsDiffer:       "parts do not match what was declared",
	BatchSessionKeyNotDecrypted:   "the session key could not be decrypted",
	BatchSessionTooManyInvoices:   "too many invoices",
	BatchSessionArchiveBroken:     "the archive could not be unpacked",
	BatchSessionPartsNotDecrypted: "parts could not be decrypted",
	BatchSessionCancelled:         "cancelled: too late, or nothing was sent",
	BatchSessionNoValidInvoices:   "no valid invoices",
	BatchSessionUnknownError:      "unknown error",
}

// InvoiceMeaning explains an invoice's code. known is false for a code that KSeF has not published.
func InvoiceMeaning(code int) (meaning string, known bool) {
	meaning, known = invoiceMeanings[code]
	return meaning, known
}

// RejectionCodes returns the codes with which KSeF ends an invoice without accepting it, in order.
func RejectionCodes() []int {
	var codes []int
	for code := range invoiceMeanings {
		if code > InvoiceAccepted {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	return codes
}

// OnlineSessionMeaning explains an online session's code. known is false for a code that KSeF has
// not published.
func OnlineSessionMeaning(code int) (meaning string, known bool) {
	meaning, known = onlineMeanings[code]
	return meaning, known
}

// BatchSessionMeaning explains a batch session's code. known is false for a code that KSeF has not
// published.
func BatchSessionMeaning(code int) (meaning string, known bool) {
	meaning, known = batchMeanings[code]
	return meaning, known
}
