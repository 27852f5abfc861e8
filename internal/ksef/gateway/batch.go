package gateway

import (
	"context"
	"fmt"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/numbers"
)

// OpenBatch opens a batch session. Next, its parts must be uploaded (UploadPart) and the session
// closed (CloseSession). Only then does KSeF begin to process it. KSeF cancels a session that is
// never closed.
func (s *SessionAPI) OpenBatch(ctx context.Context, r ksef.OpenBatchRequest) (ksef.OpenedBatch, error) {
	type batchInfo struct {
		BatchSize  int64      `json:"batchSize"`
		BatchHash  []byte     `json:"batchHash"`
		BatchParts []partWire `json:"batchParts"`
	}
	body := struct {
		InvoiceVersion ksef.InvoiceVersion `json:"invoiceVersion"`
		EncryptionInfo encryptionWire      `json:"encryptionInfo"`
		Offline        bool                `json:"offline"`
		BatchInfo      batchInfo           `json:"batchInfo"`
	}{
		InvoiceVersion: r.InvoiceVersion,
		EncryptionInfo: encryptionOf(r.EncryptionInfo),
		Offline:        r.Offline,
		BatchInfo:      batchInfo{BatchSize: r.BatchInfo.BatchSize, BatchHash: r.BatchInfo.BatchHash},
	}
	for _, p := range r.BatchInfo.BatchParts {
		body.BatchInfo.BatchParts = append(body.BatchInfo.BatchParts, partWire(p))
	}
	k := httponce.Post("open batch session", ksef.GroupBatchSession, "/invoice/session/open/batch", body).
		Bad(r.InvoiceVersion.Check()).Bad(r.EncryptionInfo.Check()).Bad(r.BatchInfo.Check()).Bad(checkBatchSize(r.BatchInfo))
	var wire struct {
		ID          string           `json:"id"`
		PartUploads []partUploadWire `json:"partUploads"`
	}
	var out ksef.OpenedBatch
	err := s.do(ctx, k, func(a *httponce.Answer) error {
		if err := a.Checked(&wire, func() error { return missing("id", wire.ID) }); err != nil {
			return err
		}
		out.ID = wire.ID
		var err error
		out.PartUploads, err = uploadsOf(r.BatchInfo.BatchParts, wire.PartUploads)
		return err
	})
	if err != nil {
		return ksef.OpenedBatch{}, err
	}
	return out, nil
}

// checkBatchSize refuses a package that KSeF would take, but that the gateway's contract cannot
// describe.
func checkBatchSize(b ksef.BatchInfo) error {
	if b.Compression != ksef.CompressionZIP {
		return fmt.Errorf("the gateway takes ZIP only, not %s", b.Compression)
	}
	if b.BatchSize > numbers.GatewayMaxBatchSize {
		return fmt.Errorf("batchSize %d is more than the gateway's %d", b.BatchSize, numbers.GatewayMaxBatchSize)
	}
	return nil
}

// uploadsOf returns the uploads of an answer in the order of the parts.
func uploadsOf(parts []ksef.BatchPart, wire []partUploadWire) ([]ksef.PartUpload, error) {
	uploads := make([]ksef.PartUpload, len(wire))
	for i, w := range wire {
		uploads[i] = w.upload()
	}
	return ksef.MatchUploads(parts, uploads)
}
