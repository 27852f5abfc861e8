package gateway

import (
	"context"
	"errors"
	"io"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
)

// BoxInvoiceRequest hands the gateway a plain invoice, which it encrypts and sends itself.
type BoxInvoiceRequest struct {
	// UploadID is chosen by the caller and unique. When the answer to an upload is lost, the status
	// of this id tells whether the upload arrived.
	UploadID    string `json:"uploadId"`
	Offline     bool   `json:"offline"`
	Notify      bool   `json:"notify"`
	UPO         bool   `json:"upo,omitempty"` // return the receipt with the status
	InvoiceData []byte `json:"invoiceData"`   // the XML
}

// BoxUploadInvoice hands over one invoice. After an error with MaybeDone, ask BoxInvoice.
func (b *BoxAPI) BoxUploadInvoice(ctx context.Context, r BoxInvoiceRequest) error {
	k := httponce.Post("box: upload invoice", ksef.GroupBoxUploadInvoice, "/box/upload/invoice",
		r).Bad(httponce.Required("uploadId", r.UploadID))
	if len(r.InvoiceData) == 0 {
		k = k.Bad(errors.New("invoiceData is required"))
	}
	return b.do(ctx, k, readResult)
}

// BoxInvoiceInfo is what became of one invoice.
type BoxInvoiceInfo struct {
	UploadID    string
	InvoiceInfo ksef.InvoiceInfo
	SessionID   string
	UPO         []byte // XML; nil when not asked for or not there yet
}

// BoxInvoice returns what became of an invoice. It returns [ksef.ErrProcessing] while the gateway
// works on the invoice.
func (b *BoxAPI) BoxInvoice(ctx context.Context, uploadID string) (BoxInvoiceInfo, error) {
	k := httponce.Get("box: ask invoice", ksef.GroupBoxInvoice, "/box/upload/invoice/%s", uploadID).UpTo(httponce.AnyAnswer)
	k.Processing = true
	var wire struct {
		UploadID    string      `json:"uploadId"`
		InvoiceInfo invoiceWire `json:"invoiceInfo"`
		SessionID   string      `json:"sessionId"`
		UPO         []byte      `json:"upo"`
	}
	err := b.do(ctx, k, func(a *httponce.Answer) error {
		if err := a.JSON(&wire); err != nil {
			return err
		}
		return errors.Join(wire.InvoiceInfo.Status.Check(), same("uploadId", wire.UploadID, uploadID))
	})
	if err != nil {
		return BoxInvoiceInfo{}, err
	}
	return BoxInvoiceInfo{
		UploadID: wire.UploadID, InvoiceInfo: ksef.InvoiceInfo(wire.InvoiceInfo), SessionID: wire.SessionID, UPO: wire.UPO,
	}, nil
}

// same returns an error when the answer is about something else than what was asked for.
func same(field, got, want string) error {
	if got != want {
		return errors.New("answer is about another " + field)
	}
	return nil
}

// BoxDownloadRequest asks the gateway to collect invoices.
type BoxDownloadRequest struct {
	DownloadID  string // chosen by the caller, unique
	Notify      bool
	SubjectType ksef.SubjectType
	Range       ksef.Range
}

// BoxDownload starts a collection.
func (b *BoxAPI) BoxDownload(ctx context.Context, r BoxDownloadRequest) error {
	body := struct {
		DownloadID  string           `json:"downloadId"`
		Notify      bool             `json:"notify"`
		SubjectType ksef.SubjectType `json:"subjectType"`
		Range       rangeWire        `json:"range"`
	}{r.DownloadID, r.Notify, r.SubjectType, rangeWire(r.Range)}
	k := httponce.Post("box: start download", ksef.GroupBoxDownload, "/box/download/invoices", body).
		Bad(httponce.Required("downloadId", r.DownloadID)).Bad(r.SubjectType.Check()).Bad(r.Range.Check())
	return b.do(ctx, k, readResult)
}

// BoxDownloaded writes the collected invoices to w as a ZIP and returns its length in bytes, which
// is at most Options.MaxDownload. It returns [ksef.ErrProcessing] while the gateway collects them.
// After another error w may hold a piece of the ZIP.
func (b *BoxAPI) BoxDownloaded(ctx context.Context, downloadID string, w io.Writer) (int64, error) {
	k := httponce.Get("box: fetch download", ksef.GroupBoxDownloaded, "/box/download/invoices/%s", downloadID)
	k.Processing = true
	return b.download(ctx, k.Accepting("application/zip, application/json"), w)
}
