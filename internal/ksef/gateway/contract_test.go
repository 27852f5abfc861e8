package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
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

// operation describes one operation of the gateway's contract: what the client must send, what the
// server answers, and what the client must return.
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

const (
	js, xml    = "application/json", "text/xml"
	ksefNumber = "5265877635-20250826-0100001AF629-AF"
)

// accepted is the invoice that jAccepted describes.
var accepted = ksef.InvoiceInfo{
	Status:               ksef.StatusInfo{Code: 200, Description: "ok"},
	Ordinal:              1,
	InvoiceNumber:        "FV/1",
	KSeFNumber:           ksefNumber,
	AcquisitionDate:      created,
	PermanentStorageDate: ksef.Time{Time: time.Date(2026, 9, 14, 8, 31, 0, 0, time.UTC)},
	InvoicingMode:        ksef.ModeOnline,
}

const jAccepted = `{"status":{"code":200,"description":"ok","details":null},"ordinal":1,"invoiceNumber":"FV/1",
	"ksefNumber":"` + ksefNumber + `","acquisitionDate":"2026-09-14T08:30:00.5Z",
	"permanentStorageDate":"2026-09-14T08:31:00","invoicingMode":"online"}`

// operations lists every operation of the contract except the uploads that are streamed.
func operations(tb testing.TB) []operation {
	return slices.Concat(sessionOperations(tb), documentOperations(), boxOperations(tb))
}

func batchRequest(parts int) ksef.OpenBatchRequest {
	all := []ksef.BatchPart{{Ordinal: 1, PartSize: 64, PartHash: hash32}, {Ordinal: 2, PartSize: 48, PartHash: hash32}}
	return ksef.OpenBatchRequest{InvoiceVersion: ksef.FA3, EncryptionInfo: sealed, Offline: true,
		BatchInfo: ksef.BatchInfo{BatchSize: 90, BatchHash: hash32, BatchParts: all[:parts]}}
}

func TestOperations_Each_SendsExactlyWhatTheContractSays(t *testing.T) {
	for _, op := range operations(t) {
		t.Run(op.name, func(t *testing.T) {
			kind := op.kind
			if kind == "" {
				kind = "application/json"
			}
			rec, gate := answers(200, kind, op.answer), &recordingGate{}
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
				t.Fatalf("the server got %d requests, want 1", len(reqs))
			}
			r := reqs[0]
			accept := op.accept
			if accept == "" {
				accept = "application/json"
			}
			want := http.Header{
				"Accept": {accept}, "User-Agent": {"erp/2.1 ksefworker-client/1.0"},
				"Authorization": {"Basic " + b64([]byte(keyID+":"+secret))},
			}
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
				t.Errorf("a body of %d declared bytes has %d, chunked %v, want its length declared", r.length, len(r.body), r.chunked)
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
		t.Fatalf("cannot read the JSON: %v in %s", err, s)
	}
	return v
}

func TestBasicAuth_Header_IsTheContractsExample(t *testing.T) {
	rec := answers(200, "application/json", `{"result":true}`)
	c, _ := serve(t, rec, func(o *gateway.Options) { o.Key = func() (string, error) { return "test_key", nil } })
	if err := c.CloseSession(soon(t), "s", false); err != nil {
		t.Fatal(err)
	}
	if got := rec.all()[0].header.Get("Authorization"); got != "Basic dGVzdF9pZDp0ZXN0X2tleQ==" {
		t.Errorf("the header Authorization is %q, want the contract's example", got)
	}
}
