package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

func documentOperations() []operation {
	return []operation{
		{
			name: "validate", method: "POST", path: "/invoice/validate", group: ksef.GroupValidate, contentType: xml,
			body: string(plain), raw: true,
			call:   func(ctx context.Context, c *gateway.Client) (any, error) { return c.Validate(ctx, plain) },
			answer: `{"valid":true,"invoiceVersion":"v3","canonicalForm":"` + b64(plain) + `"}`,
			want:   gateway.Validation{Valid: true, InvoiceVersion: ksef.FA3, CanonicalForm: plain},
		}, {
			name: "generate", method: "POST", path: "/invoice/generate", group: ksef.GroupGenerate, contentType: js,
			accept: "text/xml, application/json", kind: xml,
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
			want: gateway.Links{
				Invoice:     gateway.Link{Link: "https://qr", Image: []byte{1, 2}},
				Certificate: &gateway.Link{Link: "https://qr2", Image: []byte{3}},
			},
		}, {
			name: "visualize", method: "POST", path: "/invoice/visualize", group: ksef.GroupVisualize,
			contentType: js, accept: "text/html, application/json",
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return c.Visualize(ctx, gateway.VisualizeRequest{
					InvoiceData: plain, OutputFormat: gateway.HTML, OutputLanguage: gateway.Polish,
				})
			},
			body: `{"offline":false,"invoiceData":"` + b64(plain) + `","outputFormat":"html","outputLanguage":"pl"}`,
			kind: "text/html", answer: "<html></html>",
			want: []byte("<html></html>"),
		}, {
			name: "visualize UPO", method: "POST", path: "/invoice/upo/visualize", group: ksef.GroupVisualizeUPO,
			contentType: js, accept: "application/pdf, application/json",
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return c.VisualizeUPO(ctx, gateway.VisualizeUPORequest{OutputLanguage: gateway.English, UPOData: plain})
			},
			body: `{"outputFormat":"pdf","outputLanguage":"en","upoData":"` + b64(plain) + `"}`,
			kind: "application/pdf", answer: "%PDF-1.7 …",
			want: []byte("%PDF-1.7 …"),
		}, {
			name: "metadata", method: "POST", path: "/invoice/metadata", group: ksef.GroupMetadata, contentType: js,
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				return c.Metadata(ctx, ksef.MetadataRequest{SubjectType: ksef.Subject1, Range: span, PageSize: 100, SortAsc: true})
			},
			body: `{"subjectType":"Subject1","range":` + jSpan + `,"pageOffset":0,"pageSize":100,"sortAsc":true}`,
			answer: `{"hasMore":true,"isTruncated":false,"permanentStorageDate":null,"invoices":[{
				"invoiceType":"Vat","invoiceNumber":"FV/1","ksefNumber":"k","issueDate":"2026-09-14","invoicingMode":"Online",
				"seller":{"identifier":"5265877635","name":"A"},
				"buyer":{"identifier":{"type":"Nip","value":"1"},"name":"B","address":null},
				"currency":"PLN","netAmount":100.10,"vatAmount":23,"grossAmount":123.10,
				"acquisitionDate":"2026-09-14T08:30:00.5Z","permanentStorageDate":""}]}`,
			want: ksef.MetadataPage{HasMore: true, Invoices: []ksef.Metadata{{
				InvoiceType:     "Vat",
				InvoiceNumber:   "FV/1",
				KSeFNumber:      "k",
				IssueDate:       ksef.Time{Time: time.Date(2026, 9, 14, 0, 0, 0, 0, time.UTC)},
				InvoicingMode:   "Online",
				Seller:          ksef.Party{Identifier: "5265877635", Name: "A"},
				Buyer:           ksef.Party{Identifier: `{"type":"Nip","value":"1"}`, Name: "B"},
				Currency:        "PLN",
				NetAmount:       "100.10",
				VATAmount:       "23",
				GrossAmount:     "123.10",
				AcquisitionDate: created,
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
			call: func(ctx context.Context, c *gateway.Client) (any, error) { return c.QueryStatus(ctx, "q-1") },
			answer: `{"numberOfInvoices":3,"packageSize":12345678901,"isTruncated":true,
				"truncatedAt":"2026-09-14T08:30:00.5Z","partNumbers":["1","2"]}`,
			want: gateway.QueryInfo{
				NumberOfInvoices: 3, PackageSize: 12345678901, IsTruncated: true, TruncatedAt: created,
				PartNumbers: []string{"1", "2"},
			},
		}, {
			name: "query result", method: "GET", path: "/invoice/query/result/q-1/2%2F", group: ksef.GroupQueryResult,
			accept: "application/octet-stream, application/json", kind: "application/octet-stream", answer: "{\x00\xff", want: "{\x00\xff",
			call: func(ctx context.Context, c *gateway.Client) (any, error) {
				var b bytes.Buffer
				_, err := c.QueryResult(ctx, "q-1", "2/", &b)
				return b.String(), err
			},
		},
	}
}
