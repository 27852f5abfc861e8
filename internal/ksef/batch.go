package ksef

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"ksefworker/internal/ksef/numbers"
)

// OpenBatchRequest opens a batch session.
type OpenBatchRequest struct {
	InvoiceVersion InvoiceVersion
	EncryptionInfo EncryptionInfo
	// Offline declares all invoices of the batch as issued offline.
	Offline   bool
	BatchInfo BatchInfo
}

// Compression is the form of a batch's archive.
type Compression string

// The forms. The gateway at ksefapi.pl accepts ZIP only.
const (
	CompressionZIP   Compression = ""
	CompressionTarGz Compression = "tar.gz"
)

// BatchInfo describes the plain archive of a batch and its encrypted parts.
type BatchInfo struct {
	Compression Compression
	BatchSize   int64  // bytes
	BatchHash   []byte // SHA-256
	BatchParts  []BatchPart
}

// BatchPart describes one ENCRYPTED part.
type BatchPart struct {
	Ordinal  int    // from 1
	PartSize int64  // bytes
	PartHash []byte // SHA-256
}

// Check returns all faults of the description, joined.
func (b BatchInfo) Check() error {
	faults := []error{lengthOf("batchHash", b.BatchHash, sha256.Size)}
	if b.BatchSize <= 0 || b.BatchSize > numbers.MaxBatchSize {
		faults = append(faults, fmt.Errorf("batchSize %d is not between 1 and %d", b.BatchSize, numbers.MaxBatchSize))
	}
	if len(b.BatchParts) == 0 {
		faults = append(faults, errors.New("batchParts is empty"))
	}
	seen := map[int]bool{}
	for i, p := range b.BatchParts {
		if p.Ordinal < 1 || seen[p.Ordinal] {
			faults = append(faults, fmt.Errorf("batchParts[%d]: ordinal %d is below 1 or given twice", i, p.Ordinal))
		}
		seen[p.Ordinal] = true
		if p.PartSize <= 0 {
			faults = append(faults, fmt.Errorf("batchParts[%d]: partSize %d is not positive", i, p.PartSize))
		}
		if err := lengthOf("partHash", p.PartHash, sha256.Size); err != nil {
			faults = append(faults, fmt.Errorf("batchParts[%d]: %w", i, err))
		}
	}
	return errors.Join(faults...)
}

func lengthOf(field string, value []byte, want int) error {
	if len(value) != want {
		return fmt.Errorf("%s has %d bytes, must have %d", field, len(value), want)
	}
	return nil
}

// OpenedBatch is an open batch session that waits for its parts.
type OpenedBatch struct {
	ID string
	// PartUploads has exactly one entry for each part of the request, in the order of the request.
	PartUploads []PartUpload
}
