package ksef

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"strings"
)

// SendRequest sends one invoice in an open online session. Make it with [Seal].
type SendRequest struct {
	SessionID string
	Encrypted EncryptedInvoice
	// Offline declares the invoice as issued offline. The gateway at ksefapi.pl has no such flag
	// for a single invoice.
	Offline bool
	// Corrects is the SHA-256 of the rejected offline invoice that this one corrects technically.
	// It is nil for an invoice that corrects none. Corrects needs Offline and KSeF's own API.
	Corrects []byte
}

// EncryptedInvoice is an invoice, encrypted with its session's key.
type EncryptedInvoice struct {
	InvoiceSize      int    // bytes of the plain XML
	InvoiceHash      []byte // SHA-256 of the plain XML
	EncryptedInvoice []byte // ciphertext, without the IV
}

// Seal encrypts an invoice for a session that was opened with key.
func Seal(sessionID string, key SessionKey, invoice []byte) SendRequest {
	hash := sha256.Sum256(invoice)
	return SendRequest{
		SessionID: sessionID,
		Encrypted: EncryptedInvoice{
			InvoiceSize: len(invoice), InvoiceHash: hash[:], EncryptedInvoice: key.Encrypt(invoice),
		},
	}
}

// Check returns all faults of the request, joined.
func (r SendRequest) Check() error {
	e := r.Encrypted
	var faults []error
	if strings.TrimSpace(r.SessionID) == "" {
		faults = append(faults, errors.New("sessionId is required"))
	}
	faults = append(faults, lengthOf("invoiceHash", e.InvoiceHash, sha256.Size))
	if r.Corrects != nil {
		faults = append(faults, lengthOf("hashOfCorrectedInvoice", r.Corrects, sha256.Size))
		if !r.Offline {
			faults = append(faults, errors.New("a technical correction must be sent as offline"))
		}
	}
	if e.InvoiceSize <= 0 || e.InvoiceSize > math.MaxInt32 {
		faults = append(faults, fmt.Errorf("invoiceSize %d is not between 1 and %d", e.InvoiceSize, math.MaxInt32))
	} else if want := EncryptedSize(int64(e.InvoiceSize)); int64(len(e.EncryptedInvoice)) != want {
		faults = append(faults, fmt.Errorf("encryptedInvoice has %d bytes, an invoice of %d bytes has %d",
			len(e.EncryptedInvoice), e.InvoiceSize, want))
	}
	return errors.Join(faults...)
}

// SentInvoice is an invoice that was taken into its session. KSeF may still refuse it.
// [InvoiceInfo] tells what became of it.
type SentInvoice struct {
	ID      string
	Created Time
}

// InvoicingMode is how KSeF has booked an invoice.
type InvoicingMode string

// The modes.
const (
	ModeOnline  InvoicingMode = "online"
	ModeOffline InvoicingMode = "offline"
)

// InvoiceInfo is the state of an invoice. KSeF's own API gives Hash, and FileName in a batch. The
// gateway at ksefapi.pl gives neither, so its answers are matched to our invoices by InvoiceNumber
// (P_2). InvoiceNumber is always given for accepted invoices, but not always for refused ones.
type InvoiceInfo struct {
	Status StatusInfo
	// Unreadable names what a decision needs and could not be read; "" when there is no such fault.
	// The other fields hold what could be read.
	Unreadable string
	// Ordinal is the place in the session, from 1. 0 means that it is not given.
	Ordinal int
	// Hash is the SHA-256 of the exact bytes, in Base64; "" when it is not given.
	Hash string
	// FileName is the name in the archive of a batch; "" when it is not given.
	FileName string
	// InvoiceNumber is P_2. It is "" if KSeF could not read it or the answer does not tell it.
	InvoiceNumber string
	// KSeFNumber is set when the invoice is accepted.
	KSeFNumber           string
	AcquisitionDate      Time
	PermanentStorageDate Time
	InvoicingMode        InvoicingMode
}

// Original names the invoice of which this one is a duplicate (status 440). It returns the
// original's KSeF number and session. ok is false when KSeF did not name the original.
func (i InvoiceInfo) Original() (ksefNumber, session string, ok bool) {
	ksefNumber = i.Status.Extension("originalKsefNumber")
	return ksefNumber, i.Status.Extension("originalSessionReferenceNumber"), ksefNumber != ""
}
