package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
)

// BoxBatchRequest hands the gateway a plain ZIP of invoices.
type BoxBatchRequest struct {
	UploadID       string              `json:"uploadId"` // chosen by the caller, unique
	Offline        bool                `json:"offline"`
	Notify         bool                `json:"notify"`
	UPO            bool                `json:"upo,omitempty"` // return the receipt with the status
	InvoiceVersion ksef.InvoiceVersion `json:"invoiceVersion"`
}

// BoxUploadBatch hands over a batch. The ZIP is streamed. open is called once, when the gate has
// opened. The reader that open returns must give exactly size bytes. BoxUploadBatch closes it.
// After an error with MaybeDone, ask BoxBatch.
func (b *BoxAPI) BoxUploadBatch(ctx context.Context, r BoxBatchRequest, open func() (io.ReadCloser, error), size int64) error {
	k := httponce.Call{
		Op: "box: upload batch", Group: ksef.GroupBoxUploadBatch,
		Method: "POST", Path: "/box/upload/batch", Accept: httponce.AcceptJSON, Stream: true,
	}
	k = k.Bad(httponce.Required("uploadId", r.UploadID)).Bad(r.InvoiceVersion.Check())
	if open == nil {
		k = k.Bad(errors.New("body is required"))
	}
	if size <= 0 {
		k = k.Bad(fmt.Errorf("size %d is not positive", size))
	}
	head, tail, contentType, err := envelope(r)
	k = k.Bad(err)
	k.ContentType, k.Size = contentType, int64(len(head))+size+int64(len(tail))
	k.Open = func() (io.ReadCloser, error) {
		zip, err := open()
		if err != nil {
			return nil, err
		}
		body := io.MultiReader(bytes.NewReader(head), &exactly{r: zip, left: size}, bytes.NewReader(tail))
		return struct {
			io.Reader
			io.Closer
		}{body, zip}, nil
	}
	return b.do(ctx, k, readResult)
}

// envelope returns what the multipart form has before and after the file's bytes. So the length of
// the whole form is known beforehand, and no server has to accept chunked encoding.
func envelope(r BoxBatchRequest) (head, tail []byte, contentType string, err error) {
	request, err := json.Marshal(r)
	if err != nil {
		return nil, nil, "", err
	}
	var buf bytes.Buffer
	form := multipart.NewWriter(&buf)
	part := func(name, file, kind string) io.Writer {
		disposition := `form-data; name="` + name + `"`
		if file != "" {
			disposition += `; filename="` + file + `"`
		}
		w, e := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {disposition}, "Content-Type": {kind}})
		err = errors.Join(err, e)
		return w
	}
	if _, e := part("request", "", "application/json").Write(request); e != nil {
		return nil, nil, "", e
	}
	part("file", "batch.zip", "application/zip")
	at := buf.Len()
	err = errors.Join(err, form.Close())
	return buf.Bytes()[:at], buf.Bytes()[at:], form.FormDataContentType(), err
}

// exactly fails when its reader has fewer or more bytes than declared. The total length cannot show
// that, because the file is inside a multipart form.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		var one [1]byte
		if n, err := io.ReadFull(e.r, one[:]); n > 0 {
			return 0, errors.New("file is longer than declared")
		} else if err != io.EOF {
			return 0, err
		}
		return 0, io.EOF
	}
	if int64(len(p)) > e.left {
		p = p[:e.left]
	}
	n, err := e.r.Read(p)
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		return n, fmt.Errorf("file is %d bytes shorter than declared: %w", e.left, io.ErrUnexpectedEOF)
	}
	if err == io.EOF {
		err = nil // the next Read checks that no byte follows
	}
	return n, err
}

// BoxBatchInfo is what became of a batch.
type BoxBatchInfo struct {
	UploadID    string
	InvoiceInfo []ksef.InvoiceInfo
	SessionID   string
	UPO         []byte // XML; nil when not asked for or not there yet
}

// BoxBatch returns what became of a batch. It returns [ksef.ErrProcessing] while the gateway works
// on the batch.
func (b *BoxAPI) BoxBatch(ctx context.Context, uploadID string) (BoxBatchInfo, error) {
	k := httponce.Get("box: ask batch", ksef.GroupBoxBatch, "/box/upload/batch/%s", uploadID).UpTo(httponce.AnyAnswer)
	k.Processing = true
	var wire struct {
		UploadID    string        `json:"uploadId"`
		InvoiceInfo []invoiceWire `json:"invoiceInfo"`
		SessionID   string        `json:"sessionId"`
		UPO         []byte        `json:"upo"`
	}
	out := BoxBatchInfo{InvoiceInfo: []ksef.InvoiceInfo{}}
	err := b.do(ctx, k, func(a *httponce.Answer) error {
		if err := a.JSON(&wire); err != nil {
			return err
		}
		if wire.InvoiceInfo == nil {
			return errors.New("answer has no list of invoices")
		}
		for _, i := range wire.InvoiceInfo {
			if err := i.Status.Check(); err != nil {
				return err
			}
			out.InvoiceInfo = append(out.InvoiceInfo, ksef.InvoiceInfo(i))
		}
		return same("uploadId", wire.UploadID, uploadID)
	})
	if err != nil {
		return BoxBatchInfo{}, err
	}
	out.UploadID, out.SessionID, out.UPO = wire.UploadID, wire.SessionID, wire.UPO
	return out, nil
}
