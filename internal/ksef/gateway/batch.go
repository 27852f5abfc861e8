package gateway

import (
	"context"
	"fmt"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/numbers"
)

// OpenBatch opens a batch session. Its parts must be uploaded (UploadPart), then it must be closed
// (CloseSession): only then does processing begin. KSeF cancels a session that is never closed.
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
		out.PartUploads, err = matchParts(r.BatchInfo.BatchParts, wire.PartUploads)
		return err
	})
	if err != nil {
		return ksef.OpenedBatch{}, err
	}
	return out, nil
}

// checkBatchSize refuses what KSeF would take and the gateway's contract cannot describe.
func checkBatchSize(b ksef.BatchInfo) error {
	if b.Compression != ksef.CompressionZIP {
		return fmt.Errorf("the gateway takes ZIP only, not %s", b.Compression)
	}
	if b.BatchSize > numbers.GatewayMaxBatchSize {
		return fmt.Errorf("batchSize %d is more than the gateway's %d", b.BatchSize, numbers.GatewayMaxBatchSize)
	}
	return nil
}

// matchParts brings the uploads into the order of the parts and checks that none is missing.
func matchParts(parts []ksef.BatchPart, uploads []partUploadWire) ([]ksef.PartUpload, error) {
	if len(parts) != len(uploads) {
		return nil, fmt.Errorf("answer has %d part uploads for %d parts", len(uploads), len(parts))
	}
	by := make(map[int]ksef.PartUpload, len(uploads))
	for _, w := range uploads {
		u := w.upload()
		if _, err := u.Address(); err != nil {
			return nil, err
		}
		by[u.Ordinal] = u
	}
	out := make([]ksef.PartUpload, 0, len(parts))
	for _, p := range parts {
		u, ok := by[p.Ordinal]
		if !ok {
			return nil, fmt.Errorf("answer has no upload for part %d", p.Ordinal)
		}
		u.Allowed = numbers.PartTime * time.Duration(len(parts))
		out = append(out, u)
	}
	return out, nil
}
