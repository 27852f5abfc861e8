package ksef

import (
	"context"
	"errors"
	"io"
)

// BoxInvoiceRequest hands the gateway a plain invoice, which it encrypts and sends itself.
type BoxInvoiceRequest struct {
	// UploadID is chosen by the caller, unique: asking for its status tells whether an upload whose answer was lost had arrived.
	UploadID    string `json:"uploadId"`
	Offline     bool   `json:"offline"`
	Notify      bool   `json:"notify"`
	UPO         bool   `json:"upo,omitempty"` // return the receipt with the status
	InvoiceData []byte `json:"invoiceData"`   // the XML
}

// BoxUploadInvoice hands over one invoice. After an error with MaybeDone, ask BoxInvoice.
func (c *Client) BoxUploadInvoice(ctx context.Context, r BoxInvoiceRequest) error {
	k := post("box: upload invoice", GroupBoxUploadInvoice, "/box/upload/invoice", r).bad(required("uploadId", r.UploadID))
	if len(r.InvoiceData) == 0 {
		k = k.bad(errors.New("invoiceData is required"))
	}
	return c.pass(ctx, k, readResult)
}

// BoxInvoiceInfo is what became of one invoice.
type BoxInvoiceInfo struct {
	UploadID    string      `json:"uploadId"`
	InvoiceInfo InvoiceInfo `json:"invoiceInfo"`
	SessionID   string      `json:"sessionId"`
	UPO         []byte      `json:"upo,omitempty"` // XML; nil when not asked for or not there yet
}

// BoxInvoice asks what became of an invoice. ErrProcessing while it runs.
func (c *Client) BoxInvoice(ctx context.Context, uploadID string) (BoxInvoiceInfo, error) {
	k := get("box: ask invoice", GroupBoxInvoice, "/box/upload/invoice/%s", uploadID).upTo(anyAnswer)
	k.processing = true
	var out BoxInvoiceInfo
	err := c.pass(ctx, k, func(a *answer) error {
		if err := a.json(&out); err != nil {
			return err
		}
		return errors.Join(out.InvoiceInfo.Status.check(), same("uploadId", out.UploadID, uploadID))
	})
	if err != nil {
		return BoxInvoiceInfo{}, err
	}
	return out, nil
}

// BoxBatchInfo is what became of a batch.
type BoxBatchInfo struct {
	UploadID    string        `json:"uploadId"`
	InvoiceInfo []InvoiceInfo `json:"invoiceInfo"`
	SessionID   string        `json:"sessionId"`
	UPO         []byte        `json:"upo,omitempty"` // XML; nil when not asked for or not there yet
}

// BoxBatch asks what became of a batch. ErrProcessing while it runs.
func (c *Client) BoxBatch(ctx context.Context, uploadID string) (BoxBatchInfo, error) {
	k := get("box: ask batch", GroupBoxBatch, "/box/upload/batch/%s", uploadID).upTo(anyAnswer)
	k.processing = true
	var out BoxBatchInfo
	err := c.pass(ctx, k, func(a *answer) error {
		if err := a.json(&out); err != nil {
			return err
		}
		if out.InvoiceInfo == nil {
			return errors.New("answer has no list of invoices")
		}
		for _, i := range out.InvoiceInfo {
			if err := i.Status.check(); err != nil {
				return err
			}
		}
		return same("uploadId", out.UploadID, uploadID)
	})
	if err != nil {
		return BoxBatchInfo{}, err
	}
	return out, nil
}

// same holds an answer to be about what was asked.
func same(field, got, want string) error {
	if got != want {
		return errors.New("answer is about another " + field)
	}
	return nil
}

// BoxDownloadRequest has the gateway collect invoices.
type BoxDownloadRequest struct {
	DownloadID  string      `json:"downloadId"` // chosen by the caller, unique
	Notify      bool        `json:"notify"`
	SubjectType SubjectType `json:"subjectType"`
	Range       Range       `json:"range"`
}

// BoxDownload starts a collection.
func (c *Client) BoxDownload(ctx context.Context, r BoxDownloadRequest) error {
	k := post("box: start download", GroupBoxDownload, "/box/download/invoices", r).
		bad(required("downloadId", r.DownloadID)).bad(r.SubjectType.check()).bad(r.Range.check())
	return c.pass(ctx, k, readResult)
}

// BoxDownloaded writes the collected invoices to w as a ZIP and returns its length in bytes. ErrProcessing while they are collected. On another error w may
// have been given a piece of it. At most Options.MaxDownload bytes.
func (c *Client) BoxDownloaded(ctx context.Context, downloadID string, w io.Writer) (int64, error) {
	k := get("box: fetch download", GroupBoxDownloaded, "/box/download/invoices/%s", downloadID)
	k.processing = true
	return c.download(ctx, k.accepting("application/zip, application/json"), w)
}
