package ksef

import "fmt"

// InvoiceVersion names the form of a session's invoices.
type InvoiceVersion string

// The forms. Production accepts FA(3) only.
const (
	FA2 InvoiceVersion = "v2"
	FA3 InvoiceVersion = "v3"
)

// Check returns an error for a form that KSeF does not have.
func (v InvoiceVersion) Check() error {
	if v != FA2 && v != FA3 {
		return fmt.Errorf("invoiceVersion %q is neither %s nor %s", string(v), FA2, FA3)
	}
	return nil
}

// OpenOnlineRequest opens an online session.
type OpenOnlineRequest struct {
	InvoiceVersion InvoiceVersion
	EncryptionInfo EncryptionInfo
}

// OpenedSession is an open online session. KSeF closes it by itself after
// numbers.OnlineSessionLife.
type OpenedSession struct {
	ID      string
	Created Time
}

// SessionInfo is the state of a session. Counts are 0 while KSeF does not give them.
type SessionInfo struct {
	Status                 StatusInfo
	Batch                  bool
	InvoiceCount           int
	SuccessfulInvoiceCount int
	FailedInvoiceCount     int
	// Counted says that KSeF gave InvoiceCount. Only then does a count of 0 mean "none".
	Counted bool
}

// Tallied reports whether the counts of successes and failures are given and add up.
func (s SessionInfo) Tallied() bool {
	return s.Counted && s.SuccessfulInvoiceCount+s.FailedInvoiceCount == s.InvoiceCount
}
