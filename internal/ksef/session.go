package ksef

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// InvoiceVersion names the form of a session's invoices.
type InvoiceVersion string

// The forms. Production takes FA(3) only.
const (
	FA2 InvoiceVersion = "v2"
	FA3 InvoiceVersion = "v3"
)

func (v InvoiceVersion) check() error {
	if v != FA2 && v != FA3 {
		return fmt.Errorf("invoiceVersion %q is neither %s nor %s", string(v), FA2, FA3)
	}
	return nil
}

// OpenOnlineRequest opens an online session.
type OpenOnlineRequest struct {
	InvoiceVersion InvoiceVersion `json:"invoiceVersion"`
	EncryptionInfo EncryptionInfo `json:"encryptionInfo"`
}

// OpenedSession is an open online session. It lives for 12 hours (KSeF limits, September 2026).
type OpenedSession struct {
	ID      string `json:"id"`
	Created Time   `json:"created"`
}

// OpenOnline opens an online session. An error with MaybeDone leaves at worst an empty session behind, which KSeF cancels by itself.
func (c *Client) OpenOnline(ctx context.Context, r OpenOnlineRequest) (OpenedSession, error) {
	k := post("open online session", GroupOnlineSession, "/invoice/session/open/online", r).bad(r.InvoiceVersion.check()).bad(r.EncryptionInfo.check())
	var out OpenedSession
	if err := c.pass(ctx, k, func(a *answer) error { return a.checked(&out, func() error { return missing("id", out.ID) }) }); err != nil {
		return OpenedSession{}, err
	}
	return out, nil
}

// MaxBatchSize is the largest plain ZIP that the gateway's contract can describe: batchSize is a 32-bit number, although KSeF itself takes 5 GB.
const MaxBatchSize = math.MaxInt32

// MaxSessionInvoices is how many invoices KSeF takes in one session (September 2026), unless the
// Ministry has raised that for the taxpayer.
const MaxSessionInvoices = 10_000

// OpenBatchRequest opens a batch session.
type OpenBatchRequest struct {
	InvoiceVersion InvoiceVersion `json:"invoiceVersion"`
	EncryptionInfo EncryptionInfo `json:"encryptionInfo"`
	// Offline declares all invoices of the batch as issued offline.
	Offline   bool      `json:"offline"`
	BatchInfo BatchInfo `json:"batchInfo"`
}

// BatchInfo describes the plain ZIP.
type BatchInfo struct {
	BatchSize  int64       `json:"batchSize"` // bytes, at most MaxBatchSize
	BatchHash  []byte      `json:"batchHash"` // SHA-256
	BatchParts []BatchPart `json:"batchParts"`
}

// BatchPart describes one ENCRYPTED part.
type BatchPart struct {
	Ordinal  int    `json:"ordinal"`  // from 1
	PartSize int64  `json:"partSize"` // bytes
	PartHash []byte `json:"partHash"` // SHA-256
}

func (b BatchInfo) check() error {
	faults := []error{lengthOf("batchHash", b.BatchHash, 32)}
	if b.BatchSize <= 0 || b.BatchSize > MaxBatchSize {
		faults = append(faults, fmt.Errorf("batchSize %d is not between 1 and %d", b.BatchSize, MaxBatchSize))
	}
	if len(b.BatchParts) == 0 {
		faults = append(faults, errors.New("batchParts is empty"))
	}
	seen := map[int]bool{}
	for i, p := range b.BatchParts {
		if p.Ordinal < 1 || seen[p.Ordinal] {
			faults = append(faults, fmt.Errorf("batchParts[%d]: ordinal %d is below 1 or given twice", i, p.Ordinal))
		}
		seen[p.Ordinal] = true
		if p.PartSize <= 0 {
			faults = append(faults, fmt.Errorf("batchParts[%d]: partSize %d is not positive", i, p.PartSize))
		}
		if err := lengthOf("partHash", p.PartHash, 32); err != nil {
			faults = append(faults, fmt.Errorf("batchParts[%d]: %w", i, err))
		}
	}
	return errors.Join(faults...)
}

// OpenedBatch is an open batch session that waits for its parts.
type OpenedBatch struct {
	ID string `json:"id"`
	// PartUploads has exactly one entry for each part of the request, in the order of the request.
	PartUploads []PartUpload `json:"partUploads"`
}

// OpenBatch opens a batch session. Its parts must be uploaded (UploadPart), then it must be closed (CloseSession): only then does processing begin.
// A session that is never closed is cancelled by KSeF.
func (c *Client) OpenBatch(ctx context.Context, r OpenBatchRequest) (OpenedBatch, error) {
	k := post("open batch session", GroupBatchSession, "/invoice/session/open/batch", r).
		bad(r.InvoiceVersion.check()).bad(r.EncryptionInfo.check()).bad(r.BatchInfo.check())
	var out OpenedBatch
	err := c.pass(ctx, k, func(a *answer) error {
		if err := a.checked(&out, func() error { return missing("id", out.ID) }); err != nil {
			return err
		}
		var err error
		out.PartUploads, err = matchParts(r.BatchInfo.BatchParts, out.PartUploads)
		return err
	})
	if err != nil {
		return OpenedBatch{}, err
	}
	return out, nil
}

// SessionInfo is where a session stands. Counts are 0 while KSeF does not give them.
type SessionInfo struct {
	Status                 StatusInfo `json:"status"`
	Batch                  bool       `json:"batch,omitempty"`
	InvoiceCount           int        `json:"invoiceCount,omitempty"`
	SuccessfulInvoiceCount int        `json:"successfulInvoiceCount,omitempty"`
	FailedInvoiceCount     int        `json:"failedInvoiceCount,omitempty"`
	// Counted: the gateway gave InvoiceCount, so that 0 means "none".
	Counted bool `json:"-"`
}

// UnmarshalJSON takes everything but the status code loosely; a count that cannot be read is not
// given.
func (s *SessionInfo) UnmarshalJSON(raw []byte) error {
	var wire struct {
		Status  StatusInfo      `json:"status"`
		Batch   json.RawMessage `json:"batch"`
		Count   json.RawMessage `json:"invoiceCount"`
		Success looseInt        `json:"successfulInvoiceCount"`
		Failed  looseInt        `json:"failedInvoiceCount"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return err
	}
	var count looseInt
	_ = count.UnmarshalJSON(wire.Count)
	*s = SessionInfo{Status: wire.Status, Batch: string(wire.Batch) == "true", InvoiceCount: int(count),
		SuccessfulInvoiceCount: int(wire.Success), FailedInvoiceCount: int(wire.Failed),
		Counted: count > 0 || string(bytes.Trim(wire.Count, `" `)) == "0"}
	return nil
}

// Tallied reports whether the counts of successes and failures are given and add up.
func (s SessionInfo) Tallied() bool {
	return s.Counted && s.SuccessfulInvoiceCount+s.FailedInvoiceCount == s.InvoiceCount
}

// SessionStatus asks where a session stands.
func (c *Client) SessionStatus(ctx context.Context, id string) (SessionInfo, error) {
	var out struct {
		SessionInfo SessionInfo `json:"sessionInfo"`
	}
	err := c.pass(ctx, get("ask session status", GroupSessionMisc, "/invoice/session/status/%s", id), func(a *answer) error {
		if err := a.json(&out); err != nil {
			return err
		}
		return out.SessionInfo.Status.check()
	})
	if err != nil {
		return SessionInfo{}, err
	}
	return out.SessionInfo, nil
}

// CloseSession closes a session, upon which KSeF processes it. batch must tell the session's kind: the two have limits of their own. Close is a
// GET and yet changes the world: after an error with MaybeDone, ask SessionStatus and do not guess. {"result":false} is ErrResultFalse, with MaybeDone, because a
// session that is closed already may answer so.
func (c *Client) CloseSession(ctx context.Context, id string, batch bool) error {
	group, op := GroupOnlineSessionClose, "close online session"
	if batch {
		group, op = GroupBatchSessionClose, "close batch session"
	}
	return c.pass(ctx, get(op, group, "/invoice/session/close/%s", id), readResult)
}

// SessionUPO fetches the receipt of a processed session as XML. Refused while the session is not closed and processed.
func (c *Client) SessionUPO(ctx context.Context, id string) ([]byte, error) {
	return c.xml(ctx, get("fetch session UPO", GroupSessionUPO, "/invoice/session/upo/%s", id).upTo(anyAnswer))
}

// readResult reads {result:bool}. A missing result is not a yes.
func readResult(a *answer) error {
	var out struct {
		Result *bool `json:"result"`
	}
	if err := a.json(&out); err != nil {
		return err
	}
	switch {
	case out.Result == nil:
		return errors.New("answer has no result")
	case !*out.Result:
		return ErrResultFalse
	}
	return nil
}

func missing(field, value string) error {
	if value == "" {
		return fmt.Errorf("answer has no %s", field)
	}
	return nil
}

// xml asks for an XML document.
func (c *Client) xml(ctx context.Context, k call) ([]byte, error) {
	var out []byte
	err := c.pass(ctx, k.accepting(acceptXML), func(a *answer) (err error) {
		out, err = a.xml()
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
