package gateway_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

var (
	hash32  = bytes.Repeat([]byte{7}, 32)
	span    = ksef.Between(time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 9, 30, 12, 0, 0, 0, time.UTC))
	sealed  = ksef.EncryptionInfo{InitVector: bytes.Repeat([]byte{1}, 16), EncryptedKey: []byte("sealed")}
	jInfo   = `{"initVector":"` + b64(sealed.InitVector) + `","encryptedKey":"` + b64(sealed.EncryptedKey) + `"}`
	jSpan   = `{"from":"2026-09-01T00:00:00Z","to":"2026-09-30T12:00:00Z"}`
	plain   = []byte("<Faktura/>")
	created = ksef.Time{Time: time.Date(2026, 9, 14, 8, 30, 0, 500_000_000, time.UTC)}
)

// operation is one call of the contract: what must leave, what comes, what must be made of it.
type operation struct {
	name        string
	call        func(context.Context, *gateway.Client) (any, error)
	method      string
	path        string
	group       ksef.Group
	accept      string
	contentType string
	body        string // JSON, compared by meaning; "" for none
	raw         bool   // body compared byte by byte
	kind        string // content type of the answer
	answer      string
	want        any
}

func operations(tb testing.TB) []operation {
	const js, xml = "application/json", "text/xml"
	accepted := ksef.InvoiceInfo{
		Status: ksef.StatusInfo{Code: 200, Description: "ok"}, Ordinal: 1, InvoiceNumber: "FV/1", KSeFNumber: "5265877635-20250826-0100001AF629-AF",
		AcquisitionDate: created, PermanentStorageDate: ksef.Time{Time: time.Date(2026, 9, 14, 8, 31, 0, 0, time.UTC)}, InvoicingMode: ksef.ModeOnline,
	}
	const jAccepted = `{"status":{"code":200,"description":"ok","details":null},"ordinal":1,"invoiceNumber":"FV/1","ksefNumber":"5265877635-20250826-0100001AF629-AF",` +
		`"acquisitionDate":"2026-09-14T08:30:00.5Z","permanentStorageDate":"2026-09-14T08:31:00","invoicingMode":"online"}`
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
			body: `{"invoiceVersion":"v3","encryptionInfo":` + jInfo + `,"offline":true,"batchInfo":{"batchSize":90,"batchHash":"` + b64(hash32) +
				`","batchParts":[{"ordinal":1,"partSize":64,"partHash":"` + b64(hash32) + `"},{"ordinal":2,"partSize":48,"partHash":"` + b64(hash32) + `"}]}}`,
			answer: `{"id":"b-1","partUploads":[{"ordinal":2,"method":"PUT","url":"http://store.test/2?sig=b","headers":[]},
				{"ordinal":1,"method":"PUT","url":"http://store.test/1?sig=a","headers":[{"name":"x-ms-blob-type","value":"BlockBlob"}]}]}`,
			want: ksef.OpenedBatch{ID: "b-1", PartUploads: []ksef.PartUpload{
				{Ordinal: 1, Method: "PUT", URL: "http://store.test/1?sig=a", Headers: []ksef.Header{{Name: "x-ms-blob-type", Value: "BlockBlob"}}, Allowed: 40 * time.Minute},
				{Ordinal: 2, Method: "PUT", URL: "http://store.test/2?sig=b", Headers: []ksef.Header{}, Allowed: 40 * time.Minute},
			}},
		}, {
			name: "session status, id escaped", method: "GET", path: "/invoice/session/status/a%2Fb%20%3F%23%C5%82", group: ksef.GroupSessionMisc,
			call:   func(ctx context.Context, c *gateway.Client) (any, error) { return c.SessionStatus(ctx, "a/b ?#ł") },
			answer: `{"sessionInfo":{"status":{"code":150,"description":"w toku"},"batch":true,"invoiceCount":10,"successfulInvoiceCount":7,"failedInvoiceCount":3}}`,
			want: ksef.SessionInfo{Status: ksef.StatusInfo{Code: 150, Description: "w toku"}, Batch: true, InvoiceCount: 10, SuccessfulInvoiceCount: 7,
				FailedInvoiceCount: 3, Counted: true},
		}, {
			name: "session invoices", method: "GET", path: "/invoice/session/invoices/s-1", group: ksef.GroupSessionInvoiceList,
			call: func(ctx context.Context, c *gateway.Client) (any, error) { return c.SessionInvoices(ctx, "s-1") },
			answer: `{"more":{"x":[1]},"invoices":[` + jAccepted + `,{"status":{"code":440,"description":"Duplikat","details":"d",
				"extensions":[{"key":"originalKsefNumber","value":"5265877635-20250826-0100001AF629-AF"},{"key":"originalSessionReferenceNumber","value":"o-1"}]}}]}`,
			want: []ksef.InvoiceInfo{accepted, {Status: ksef.StatusInfo{Code: 440, Description: "Duplikat", Details: "d", Extensions: []ksef.Extension{
				{Key: "originalKsefNumber", Value: "5265877635-20250826-0100001AF629-AF"}, {Key: "originalSessionReferenceNumber", Value: "o-1"}}}}},
		}, {
			name: "close online", method: "GET", path: "/invoice/session/close/s-1", group: ksef.GroupOnlineSessionClose, answer: `{"result":true}`,
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return nil, c.CloseSession(ctx, "s-1", false)
			},
		}, {
			name: "close batch", method: "GET", path: "/invoice/session/close/b-1", group: ksef.GroupBatchSessionClose, answer: `{"result":true}`,
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
			name: "get invoice", method: "GET", path: "/invoice/get/5265877635-20250826-0100001AF629-AF", group: ksef.GroupInvoiceDownload,
			accept: "text/xml, application/json", kind: xml, answer: string(plain), want: plain,
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return c.Invoice(ctx, "5265877635-20250826-0100001AF629-AF")
			},
		}, {
			name: "validate", method: "POST", path: "/invoice/validate", group: ksef.GroupValidate, contentType: xml, body: string(plain), raw: true,
			call:   func(ctx context.Context, c *gateway.Client) (any, error) { return c.Validate(ctx, plain) },
			answer: `{"valid":true,"invoiceVersion":"v3","canonicalForm":"` + b64(plain) + `"}`,
			want:   gateway.Validation{Valid: true, InvoiceVersion: ksef.FA3, CanonicalForm: plain},
		}, {
			name: "generate", method: "POST", path: "/invoice/generate", group: ksef.GroupGenerate, contentType: js, accept: "text/xml, application/json", kind: xml,
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return c.Generate(ctx, json.RawMessage(`{"fa":{"p_2":"FV/1"}}`))
			},
			body:   `{"invoice":{"fa":{"p_2":"FV/1"}}}`,
			answer: string(plain), want: plain,
		}, {
			name: "links", method: "POST", path: "/invoice/links", group: ksef.GroupLinks, contentType: js,
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return c.Links(ctx, gateway.LinksRequest{NIP: "5265877635", IssueDate: "2026-09-14", InvoiceHash: hash32})
			},
			body:   `{"nip":"5265877635","issueDate":"2026-09-14","invoiceHash":"` + b64(hash32) + `"}`,
			answer: `{"invoice":{"link":"https://qr","image":"AQI="},"certificate":{"link":"https://qr2","image":"Aw=="}}`,
			want:   gateway.Links{Invoice: gateway.Link{Link: "https://qr", Image: []byte{1, 2}}, Certificate: &gateway.Link{Link: "https://qr2", Image: []byte{3}}},
		}, {
			name: "visualize", method: "POST", path: "/invoice/visualize", group: ksef.GroupVisualize, contentType: js, accept: "text/html, application/json",
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return c.Visualize(ctx, gateway.VisualizeRequest{InvoiceData: plain, OutputFormat: gateway.HTML, OutputLanguage: gateway.Polish})
			},
			body: `{"offline":false,"invoiceData":"` + b64(plain) + `","outputFormat":"html","outputLanguage":"pl"}`, kind: "text/html", answer: "<html></html>",
			want: []byte("<html></html>"),
		}, {
			name: "visualize UPO", method: "POST", path: "/invoice/upo/visualize", group: ksef.GroupVisualizeUPO, contentType: js, accept: "application/pdf, application/json",
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return c.VisualizeUPO(ctx, gateway.VisualizeUPORequest{OutputLanguage: gateway.English, UPOData: plain})
			},
			body: `{"outputFormat":"pdf","outputLanguage":"en","upoData":"` + b64(plain) + `"}`, kind: "application/pdf", answer: "%PDF-1.7 …",
			want: []byte("%PDF-1.7 …"),
		}, {
			name: "metadata", method: "POST", path: "/invoice/metadata", group: ksef.GroupMetadata, contentType: js,
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return c.Metadata(ctx, ksef.MetadataRequest{SubjectType: ksef.Subject1, Range: span, PageSize: 100, SortAsc: true})
			},
			body: `{"subjectType":"Subject1","range":` + jSpan + `,"pageOffset":0,"pageSize":100,"sortAsc":true}`,
			answer: `{"hasMore":true,"isTruncated":false,"permanentStorageDate":null,"invoices":[{"invoiceType":"Vat","invoiceNumber":"FV/1","ksefNumber":"k","issueDate":"2026-09-14",
				"invoicingMode":"Online","seller":{"identifier":"5265877635","name":"A"},"buyer":{"identifier":{"type":"Nip","value":"1"},"name":"B","address":null},"currency":"PLN",
				"netAmount":100.10,"vatAmount":23,"grossAmount":123.10,"acquisitionDate":"2026-09-14T08:30:00.5Z","permanentStorageDate":""}]}`,
			want: ksef.MetadataPage{HasMore: true, Invoices: []ksef.Metadata{{
				InvoiceType: "Vat", InvoiceNumber: "FV/1", KSeFNumber: "k", IssueDate: ksef.Time{Time: time.Date(2026, 9, 14, 0, 0, 0, 0, time.UTC)}, InvoicingMode: "Online",
				Seller: ksef.Party{Identifier: "5265877635", Name: "A"}, Buyer: ksef.Party{Identifier: `{"type":"Nip","value":"1"}`, Name: "B"}, Currency: "PLN",
				NetAmount: "100.10", VATAmount: "23", GrossAmount: "123.10", AcquisitionDate: created,
			}}},
		}, {
			name: "query start", method: "POST", path: "/invoice/query/start", group: ksef.GroupQueryStart, contentType: js,
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return c.QueryStart(ctx, gateway.QueryRequest{EncryptionInfo: sealed, SubjectType: ksef.SubjectAuthorized, Range: span})
			},
			body:   `{"encryptionInfo":` + jInfo + `,"subjectType":"SubjectAuthorized","range":` + jSpan + `}`,
			answer: `{"queryId":"q-1"}`, want: "q-1",
		}, {
			name: "query status", method: "GET", path: "/invoice/query/status/q-1", group: ksef.GroupQueryStatus,
			call:   func(ctx context.Context, c *gateway.Client) (any, error) { return c.QueryStatus(ctx, "q-1") },
			answer: `{"numberOfInvoices":3,"packageSize":12345678901,"isTruncated":true,"truncatedAt":"2026-09-14T08:30:00.5Z","partNumbers":["1","2"]}`,
			want:   gateway.QueryInfo{NumberOfInvoices: 3, PackageSize: 12345678901, IsTruncated: true, TruncatedAt: created, PartNumbers: []string{"1", "2"}},
		}, {
			name: "query result", method: "GET", path: "/invoice/query/result/q-1/2%2F", group: ksef.GroupQueryResult,
			accept: "application/octet-stream, application/json", kind: "application/octet-stream", answer: "{\x00\xff", want: "{\x00\xff",
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				var b bytes.Buffer
				_, err := c.QueryResult(ctx, "q-1", "2/", &b)
				return b.String(), err
			},
		}, {
			name: "box upload invoice", method: "POST", path: "/box/upload/invoice", group: ksef.GroupBoxUploadInvoice, contentType: js, answer: `{"result":true}`,
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return nil, c.BoxUploadInvoice(ctx, gateway.BoxInvoiceRequest{UploadID: "u-1", Offline: true, UPO: true, InvoiceData: plain})
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
			name: "box download", method: "POST", path: "/box/download/invoices", group: ksef.GroupBoxDownload, contentType: js, answer: `{"result":true}`,
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return nil, c.BoxDownload(ctx, gateway.BoxDownloadRequest{DownloadID: "d-1", Notify: true, SubjectType: ksef.Subject2, Range: span})
			},
			body: `{"downloadId":"d-1","notify":true,"subjectType":"Subject2","range":` + jSpan + `}`,
		}, {
			name: "box downloaded", method: "GET", path: "/box/download/invoices/d-1", group: ksef.GroupBoxDownloaded, accept: "application/zip, application/json",
			kind: "application/zip", answer: "PK\x03\x04" + strings.Repeat("z", 200_000), want: int64(200_004),
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				var b bytes.Buffer
				n, err := c.BoxDownloaded(ctx, "d-1", &b)
				if err == nil && int64(b.Len()) != n {
					tb.Errorf("wrote %d bytes, said %d", b.Len(), n)
				}
				return n, err
			},
		},
	}
}

func batchRequest(parts int) ksef.OpenBatchRequest {
	all := []ksef.BatchPart{{Ordinal: 1, PartSize: 64, PartHash: hash32}, {Ordinal: 2, PartSize: 48, PartHash: hash32}}
	return ksef.OpenBatchRequest{InvoiceVersion: ksef.FA3, EncryptionInfo: sealed, Offline: true,
		BatchInfo: ksef.BatchInfo{BatchSize: 90, BatchHash: hash32, BatchParts: all[:parts]}}
}

func TestOperations_SendExactlyWhatTheContractSays(t *testing.T) {
	for _, op := range operations(t) {
		t.Run(op.name, func(t *testing.T) {
			kind := op.kind
			if kind == "" {
				kind = "application/json"
			}
			rec, gate := answers(200, kind, op.answer), &bookGate{}
			c, _ := serve(t, http.StripPrefix("/api-test", rec), func(o *gateway.Options) { o.BaseURL += "/api-test/"; o.Gate = gate })
			got, err := op.call(soon(t), c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(op.want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			reqs := rec.all()
			if len(reqs) != 1 {
				t.Fatalf("server got %d requests", len(reqs))
			}
			r := reqs[0]
			accept := op.accept
			if accept == "" {
				accept = "application/json"
			}
			want := http.Header{"Accept": {accept}, "User-Agent": {"erp/2.1 ksefworker-client/1.0"}, "Authorization": {"Basic " + b64([]byte(keyID+":"+secret))}}
			if op.contentType != "" {
				want.Set("Content-Type", op.contentType)
			}
			r.header.Del("Content-Length")
			if diff := cmp.Diff(want, r.header); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if r.method != op.method || r.path != op.path || r.query != "" {
				t.Errorf("sent %s %s?%s, want %s %s", r.method, r.path, r.query, op.method, op.path)
			}
			if r.chunked || r.length != int64(len(r.body)) {
				t.Errorf("length %d of %d bytes, chunked %v: the length must be declared", r.length, len(r.body), r.chunked)
			}
			switch {
			case op.body == "" && len(r.body) != 0, op.raw && string(r.body) != op.body:
				t.Errorf("body is %q, want %q", r.body, op.body)
			case op.body != "" && !op.raw:
				if diff := cmp.Diff(meaning(t, op.body), meaning(t, string(r.body))); diff != "" {
					t.Errorf("body (-want +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff([]ksef.Group{op.group}, gate.groups()); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
		})
	}
}

func meaning(t *testing.T, s string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return v
}

func TestBasicAuth_IsTheContractsExample(t *testing.T) {
	rec := answers(200, "application/json", `{"result":true}`)
	c, _ := serve(t, rec, func(o *gateway.Options) { o.Key = func() (string, error) { return "test_key", nil } })
	if err := c.CloseSession(soon(t), "s", false); err != nil {
		t.Fatal(err)
	}
	if got := rec.all()[0].header.Get("Authorization"); got != "Basic dGVzdF9pZDp0ZXN0X2tleQ==" {
		t.Errorf("Authorization is %q", got)
	}
}

func TestArguments_AreRefusedBeforeAnythingIsSpent(t *testing.T) {
	rec, gate := answers(200, "application/json", `{}`), &bookGate{}
	c, _ := serve(t, rec, func(o *gateway.Options) { o.Gate = gate })
	ctx := soon(t)
	for name, call := range map[string]func() error{
		"an empty id":                func() error { return c.CloseSession(ctx, "", true) },
		"an id that climbs the path": func() error { return c.CloseSession(ctx, "..", true) },
		"an id with a line feed":     func() error { return c.CloseSession(ctx, "a\nb", true) },
		"an unknown form":            func() error { _, err := c.OpenOnline(ctx, ksef.OpenOnlineRequest{EncryptionInfo: sealed}); return err },
		"no encryption": func() error {
			_, err := c.OpenOnline(ctx, ksef.OpenOnlineRequest{InvoiceVersion: ksef.FA3})
			return err
		},
		"a batch without parts": func() error { _, err := c.OpenBatch(ctx, batchRequest(0)); return err },
		"a batch beyond 32 bits": func() error {
			r := batchRequest(1)
			r.BatchInfo.BatchSize = 1 << 31
			_, err := c.OpenBatch(ctx, r)
			return err
		},
		"an ordinal given twice": func() error {
			r := batchRequest(2)
			r.BatchInfo.BatchParts[1].Ordinal = 1
			_, err := c.OpenBatch(ctx, r)
			return err
		},
		"a hash of the wrong length": func() error {
			r := batchRequest(1)
			r.BatchInfo.BatchHash = []byte{1}
			_, err := c.OpenBatch(ctx, r)
			return err
		},
		"ciphertext of the wrong length": func() error {
			r := ksef.Seal("s", sessionKey(t), plain)
			r.Encrypted.InvoiceSize++
			r.Encrypted.EncryptedInvoice = nil
			_, err := c.SendInvoice(ctx, r)
			return err
		},
		"an invoice without a session": func() error { _, err := c.SendInvoice(ctx, ksef.Seal("", sessionKey(t), plain)); return err },
		"nothing to validate":          func() error { _, err := c.Validate(ctx, nil); return err },
		"something else than JSON":     func() error { _, err := c.Generate(ctx, json.RawMessage(`{"p":`)); return err },
		"links without a hash": func() error {
			_, err := c.Links(ctx, gateway.LinksRequest{NIP: "1", IssueDate: "2026-09-14"})
			return err
		},
		"an unknown format": func() error {
			_, err := c.Visualize(ctx, gateway.VisualizeRequest{InvoiceData: plain, OutputLanguage: "pl"})
			return err
		},
		"an unknown language": func() error { _, err := c.VisualizeUPO(ctx, gateway.VisualizeUPORequest{UPOData: plain}); return err },
		"a range that ends early": func() error {
			_, err := c.QueryStart(ctx, gateway.QueryRequest{EncryptionInfo: sealed, SubjectType: ksef.Subject1, Range: ksef.Range{From: span.To, To: span.From}})
			return err
		},
		"an unknown subject": func() error { return c.BoxDownload(ctx, gateway.BoxDownloadRequest{DownloadID: "d", Range: span}) },
		"a page of nothing": func() error {
			_, err := c.Metadata(ctx, ksef.MetadataRequest{SubjectType: ksef.Subject1, Range: span})
			return err
		},
		"a box upload without its id": func() error { return c.BoxUploadInvoice(ctx, gateway.BoxInvoiceRequest{InvoiceData: plain}) },
		"a box batch without bytes": func() error {
			return c.BoxUploadBatch(ctx, gateway.BoxBatchRequest{UploadID: "u", InvoiceVersion: ksef.FA3}, nil, 0)
		},
		"a download without a writer": func() error { _, err := c.BoxDownloaded(ctx, "d", nil); return err },
		"a part without an address":   func() error { return c.UploadPart(ctx, ksef.PartUpload{Ordinal: 1, Method: "PUT"}, opener(plain), 10) },
		"a part without a method": func() error {
			return c.UploadPart(ctx, ksef.PartUpload{Ordinal: 1, URL: "http://x.test/"}, opener(plain), 10)
		},
		"a part whose declared length differs": func() error {
			return c.UploadPart(ctx, ksef.PartUpload{Ordinal: 1, Method: "PUT", URL: "http://x.test/", Headers: []ksef.Header{{Name: "content-length", Value: "11"}}}, opener(plain), 10)
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := apiError(t, call())
			if e.Kind != ksef.KindLocal || e.MaybeDone || e.Err == nil {
				t.Errorf("%+v: kind %s, maybe done %v", e, e.Kind, e.MaybeDone)
			}
		})
	}
	if n := len(rec.all()); n != 0 {
		t.Errorf("%d requests left", n)
	}
	if g := gate.groups(); len(g) != 0 {
		t.Errorf("the gate was asked: %v", g)
	}
}
