package gateway_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

func sessionOperations(tb testing.TB) []operation {
	key := sessionKey(tb)
	send := ksef.Seal("s/1", key, plain)
	sum := sha256.Sum256(plain)
	return []operation{
		{
			name: "public key", method: "GET", path: "/invoice/public/key", group: ksef.GroupPublicKey,
			call:   func(ctx context.Context, c *gateway.Client) (any, error) { return c.PublicKey(ctx) },
			answer: `{"algorithm":"RSA","publicKey":"` + b64(publicDER(tb)) + `"}`, want: &rsaKey().PublicKey,
		}, {
			name: "open online", method: "POST", path: "/invoice/session/open/online", group: ksef.GroupOnlineSession, contentType: js,
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return c.OpenOnline(ctx, ksef.OpenOnlineRequest{InvoiceVersion: ksef.FA3, EncryptionInfo: sealed})
			},
			body:   `{"invoiceVersion":"v3","encryptionInfo":` + jInfo + `}`,
			answer: `{"id":"s-1","created":"2026-09-14T10:30:00.5+02:00"}`, want: ksef.OpenedSession{ID: "s-1", Created: created},
		}, {
			name: "open batch", method: "POST", path: "/invoice/session/open/batch", group: ksef.GroupBatchSession, contentType: js,
			call: func(ctx context.Context, c *gateway.Client) (any, error) { return c.OpenBatch(ctx, batchRequest(2)) },
			body: `{"invoiceVersion":"v3","encryptionInfo":` + jInfo + `,"offline":true,
				"batchInfo":{"batchSize":90,"batchHash":"` + b64(hash32) + `","batchParts":[
				{"ordinal":1,"partSize":64,"partHash":"` + b64(hash32) + `"},
				{"ordinal":2,"partSize":48,"partHash":"` + b64(hash32) + `"}]}}`,
			answer: `{"id":"b-1","partUploads":[{"ordinal":2,"method":"PUT","url":"http://store.test/2?sig=b","headers":[]},
				{"ordinal":1,"method":"PUT","url":"http://store.test/1?sig=a",
				"headers":[{"name":"x-ms-blob-type","value":"BlockBlob"}]}]}`,
			want: ksef.OpenedBatch{ID: "b-1", PartUploads: []ksef.PartUpload{
				{
					Ordinal: 1, Method: "PUT", URL: "http://store.test/1?sig=a",
					Headers: []ksef.Header{{Name: "x-ms-blob-type", Value: "BlockBlob"}}, Allowed: 40 * time.Minute,
				},
				{Ordinal: 2, Method: "PUT", URL: "http://store.test/2?sig=b", Headers: []ksef.Header{}, Allowed: 40 * time.Minute},
			}},
		}, {
			name: "session status, id escaped", method: "GET", path: "/invoice/session/status/a%2Fb%20%3F%23%C5%82",
			group: ksef.GroupSessionMisc,
			call:  func(ctx context.Context, c *gateway.Client) (any, error) { return c.SessionStatus(ctx, "a/b ?#ł") },
			answer: `{"sessionInfo":{"status":{"code":150,"description":"w toku"},"batch":true,
				"invoiceCount":10,"successfulInvoiceCount":7,"failedInvoiceCount":3}}`,
			want: ksef.SessionInfo{
				Status: ksef.StatusInfo{Code: 150, Description: "w toku"}, Batch: true,
				InvoiceCount: 10, SuccessfulInvoiceCount: 7, FailedInvoiceCount: 3, Counted: true,
			},
		}, {
			name: "session invoices", method: "GET", path: "/invoice/session/invoices/s-1", group: ksef.GroupSessionInvoiceList,
			call: func(ctx context.Context, c *gateway.Client) (any, error) { return c.SessionInvoices(ctx, "s-1") },
			answer: `{"more":{"x":[1]},"invoices":[` + jAccepted + `,{"status":{"code":440,"description":"Duplikat","details":"d",
				"extensions":[{"key":"originalKsefNumber","value":"` + ksefNumber + `"},
				{"key":"originalSessionReferenceNumber","value":"o-1"}]}}]}`,
			want: []ksef.InvoiceInfo{accepted, {Status: ksef.StatusInfo{
				Code: 440, Description: "Duplikat", Details: "d",
				Extensions: []ksef.Extension{
					{Key: "originalKsefNumber", Value: ksefNumber}, {Key: "originalSessionReferenceNumber", Value: "o-1"},
				},
			}}},
		}, {
			name: "close online", method: "GET", path: "/invoice/session/close/s-1",
			group: ksef.GroupOnlineSessionClose, answer: `{"result":true}`,
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return nil, c.CloseSession(ctx, "s-1", false)
			},
		}, {
			name: "close batch", method: "GET", path: "/invoice/session/close/b-1",
			group: ksef.GroupBatchSessionClose, answer: `{"result":true}`,
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return nil, c.CloseSession(ctx, "b-1", true)
			},
		}, {
			name: "session UPO", method: "GET", path: "/invoice/session/upo/s-1", group: ksef.GroupSessionUPO,
			accept: "text/xml, application/json", kind: xml,
			call:   func(ctx context.Context, c *gateway.Client) (any, error) { return c.SessionUPO(ctx, "s-1") },
			answer: "\ufeff<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Potwierdzenie>ż</Potwierdzenie>\n",
			want:   []byte("\ufeff<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Potwierdzenie>ż</Potwierdzenie>\n"),
		}, {
			name: "send invoice", method: "POST", path: "/invoice/send", group: ksef.GroupInvoiceSend, contentType: js,
			call: func(ctx context.Context, c *gateway.Client) (any, error) { return c.SendInvoice(ctx, send) },
			body: `{"sessionId":"s/1","encrypted":{"invoiceSize":10,"invoiceHash":"` + b64(sum[:]) + `","encryptedInvoice":"` +
				b64(key.Encrypt(plain)) + `"}}`,
			answer: `{"id":"i-1","created":"2026-09-14T08:30:00.5Z"}`, want: ksef.SentInvoice{ID: "i-1", Created: created},
		}, {
			name: "invoice status", method: "GET", path: "/invoice/status/i-1", group: ksef.GroupInvoiceStatus,
			call:   func(ctx context.Context, c *gateway.Client) (any, error) { return c.InvoiceStatus(ctx, "i-1") },
			answer: `{"invoiceInfo":` + jAccepted + `}`, want: accepted,
		}, {
			name: "get invoice", method: "GET", path: "/invoice/get/" + ksefNumber, group: ksef.GroupInvoiceDownload,
			accept: "text/xml, application/json", kind: xml, answer: string(plain), want: plain,
			call: func(ctx context.Context, c *gateway.Client) (any, error) { return c.Invoice(ctx, ksefNumber) },
		},
	}
}
