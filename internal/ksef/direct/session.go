package direct

import (
	"context"
	"encoding/json"
	"errors"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/lenient"
)

type sessionWire struct {
	Status       ksef.StatusInfo `json:"status"`
	UPO          upoWire         `json:"upo"`
	InvoiceCount json.RawMessage `json:"invoiceCount"`
	Successful   lenient.Int     `json:"successfulInvoiceCount"`
	Failed       lenient.Int     `json:"failedInvoiceCount"`
}

type upoWire struct {
	Pages []upoPageWire `json:"pages"`
}

type upoPageWire struct {
	ReferenceNumber string    `json:"referenceNumber"`
	DownloadURL     Secret    `json:"downloadUrl"`
	Expires         ksef.Time `json:"downloadUrlExpirationDate"`
}

// SessionStatus returns the state of a session. It keeps the addresses of the receipt that come
// with the answer. With them, [Client.SessionUPO] needs no request that KSeF counts.
// SessionInfo.Batch stays false, because the answer does not tell the session's kind.
func (c *Client) SessionStatus(ctx context.Context, id string) (ksef.SessionInfo, error) {
	var wire sessionWire
	k := get("ask session status", ksef.GroupSessionMisc, "/sessions/%s", id)
	err := c.do(ctx, k, func(a *httponce.Answer) error {
		return a.Checked(&wire, func() error { return wire.Status.Check() })
	})
	if err != nil {
		return ksef.SessionInfo{}, err
	}
	c.receipts.keep(id, wire.UPO.Pages)
	info := ksef.SessionInfo{Status: wire.Status, SuccessfulInvoiceCount: int(wire.Successful), FailedInvoiceCount: int(wire.Failed)}
	info.InvoiceCount, info.Counted = lenient.Count(wire.InvoiceCount)
	return info, nil
}

// CloseSession closes a session, and KSeF begins to process it. batch must tell the session's kind.
// After an error with MaybeDone, ask SessionStatus. When KSeF answers that the session's status
// does not allow the request (21180), the session has been closed already or is over. CloseSession
// then returns nil, and SessionStatus tells which of the two it is.
func (c *Client) CloseSession(ctx context.Context, id string, batch bool) error {
	group, op, format := ksef.GroupOnlineSessionClose, "close online session", "/sessions/online/%s/close"
	if batch {
		group, op, format = ksef.GroupBatchSessionClose, "close batch session", "/sessions/batch/%s/close"
	}
	err := c.do(ctx, postTo(op, group, nil, format, id), (*httponce.Answer).Nothing)
	if e, ok := errors.AsType[*ksef.APIError](err); ok && e.Code == ksef.CodeSessionForbids {
		return nil
	}
	return err
}
