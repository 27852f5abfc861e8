package gateway_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

func boxOperations(tb testing.TB) []operation {
	return []operation{
		{
			name: "box upload invoice", method: "POST", path: "/box/upload/invoice",
			group: ksef.GroupBoxUploadInvoice, contentType: js, answer: `{"result":true}`,
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				r := gateway.BoxInvoiceRequest{UploadID: "u-1", Offline: true, UPO: true, InvoiceData: plain}
				return nil, c.BoxUploadInvoice(ctx, r)
			},
			body: `{"uploadId":"u-1","offline":true,"notify":false,"upo":true,"invoiceData":"` + b64(plain) + `"}`,
		}, {
			name: "box invoice", method: "GET", path: "/box/upload/invoice/u-1", group: ksef.GroupBoxInvoice,
			call:   func(ctx context.Context, c *gateway.Client) (any, error) { return c.BoxInvoice(ctx, "u-1") },
			answer: `{"uploadId":"u-1","invoiceInfo":` + jAccepted + `,"sessionId":"s-1","upo":"` + b64(plain) + `"}`,
			want:   gateway.BoxInvoiceInfo{UploadID: "u-1", InvoiceInfo: accepted, SessionID: "s-1", UPO: plain},
		}, {
			name: "box batch", method: "GET", path: "/box/upload/batch/u-2", group: ksef.GroupBoxBatch,
			call:   func(ctx context.Context, c *gateway.Client) (any, error) { return c.BoxBatch(ctx, "u-2") },
			answer: `{"uploadId":"u-2","invoiceInfo":[` + jAccepted + `],"sessionId":"s-1"}`,
			want:   gateway.BoxBatchInfo{UploadID: "u-2", InvoiceInfo: []ksef.InvoiceInfo{accepted}, SessionID: "s-1"},
		}, {
			name: "box download", method: "POST", path: "/box/download/invoices", group: ksef.GroupBoxDownload,
			contentType: js, answer: `{"result":true}`,
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				r := gateway.BoxDownloadRequest{DownloadID: "d-1", Notify: true, SubjectType: ksef.Subject2, Range: span}
				return nil, c.BoxDownload(ctx, r)
			},
			body: `{"downloadId":"d-1","notify":true,"subjectType":"Subject2","range":` + jSpan + `}`,
		}, {
			name: "box downloaded", method: "GET", path: "/box/download/invoices/d-1", group: ksef.GroupBoxDownloaded,
			accept: "application/zip, application/json",
			kind:   "application/zip", answer: "PK\x03\x04" + strings.Repeat("z", 200_000), want: int64(200_004),
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				var b bytes.Buffer
				n, err := c.BoxDownloaded(ctx, "d-1", &b)
				if err == nil && int64(b.Len()) != n {
					tb.Errorf("the writer got %d bytes, but the call returned %d", b.Len(), n)
				}
				return n, err
			},
		},
	}
}
