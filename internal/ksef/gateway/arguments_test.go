package gateway_test

import (
	"encoding/json"
	"testing"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

func TestArguments_Invalid_AreRefusedBeforeTheGateIsAsked(t *testing.T) {
	rec, gate := answers(200, "application/json", `{}`), &recordingGate{}
	c, _ := serve(t, rec, func(o *gateway.Options) { o.Gate = gate })
	ctx := soon(t)
	for name, call := range map[string]func() error{
		"an empty id":                  func() error { return c.CloseSession(ctx, "", true) },
		"an id that leads up the path": func() error { return c.CloseSession(ctx, "..", true) },
		"an id with a line feed":       func() error { return c.CloseSession(ctx, "a\nb", true) },
		"no form of the invoices": func() error {
			_, err := c.OpenOnline(ctx, ksef.OpenOnlineRequest{EncryptionInfo: sealed})
			return err
		},
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
		"something other than JSON":    func() error { _, err := c.Generate(ctx, json.RawMessage(`{"p":`)); return err },
		"links without a hash": func() error {
			_, err := c.Links(ctx, gateway.LinksRequest{NIP: "1", IssueDate: "2026-09-14"})
			return err
		},
		"no format": func() error {
			_, err := c.Visualize(ctx, gateway.VisualizeRequest{InvoiceData: plain, OutputLanguage: "pl"})
			return err
		},
		"no language": func() error { _, err := c.VisualizeUPO(ctx, gateway.VisualizeUPORequest{UPOData: plain}); return err },
		"a range that ends early": func() error {
			early := ksef.Range{From: span.To, To: span.From}
			_, err := c.QueryStart(ctx, gateway.QueryRequest{EncryptionInfo: sealed, SubjectType: ksef.Subject1, Range: early})
			return err
		},
		"no subject": func() error { return c.BoxDownload(ctx, gateway.BoxDownloadRequest{DownloadID: "d", Range: span}) },
		"a page of size 0": func() error {
			_, err := c.Metadata(ctx, ksef.MetadataRequest{SubjectType: ksef.Subject1, Range: span})
			return err
		},
		"a box upload without its id": func() error { return c.BoxUploadInvoice(ctx, gateway.BoxInvoiceRequest{InvoiceData: plain}) },
		"a box batch without bytes": func() error {
			return c.BoxUploadBatch(ctx, gateway.BoxBatchRequest{UploadID: "u", InvoiceVersion: ksef.FA3}, nil, 0)
		},
		"a download without a writer": func() error { _, err := c.BoxDownloaded(ctx, "d", nil); return err },
		"a part without an address": func() error {
			return c.UploadPart(ctx, ksef.PartUpload{Ordinal: 1, Method: "PUT"}, opener(plain), 10)
		},
		"a part without a method": func() error {
			return c.UploadPart(ctx, ksef.PartUpload{Ordinal: 1, URL: "http://x.test/"}, opener(plain), 10)
		},
		"a part whose declared length differs": func() error {
			p := ksef.PartUpload{Ordinal: 1, Method: "PUT", URL: "http://x.test/"}
			p.Headers = []ksef.Header{{Name: "content-length", Value: "11"}}
			return c.UploadPart(ctx, p, opener(plain), 10)
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := apiError(t, call())
			if e.Kind != ksef.KindLocal || e.MaybeDone || e.Err == nil {
				t.Errorf("the error is %+v of kind %s, maybe done %v, want KindLocal and not done", e, e.Kind, e.MaybeDone)
			}
		})
	}
	if n := len(rec.all()); n != 0 {
		t.Errorf("%d requests were sent with arguments that are invalid, want none", n)
	}
	if g := gate.groups(); len(g) != 0 {
		t.Errorf("the gate was asked for the groups %v although the arguments are invalid, want no request to the gate", g)
	}
}
