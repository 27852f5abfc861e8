package direct

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/lenient"
	"ksefworker/internal/ksef/numbers"
)

type batchPartWire struct {
	OrdinalNumber int    `json:"ordinalNumber"`
	FileSize      int64  `json:"fileSize"`
	FileHash      []byte `json:"fileHash"`
}

type batchFileWire struct {
	FileSize        int64           `json:"fileSize"`
	FileHash        []byte          `json:"fileHash"`
	CompressionType string          `json:"compressionType,omitempty"`
	FileParts       []batchPartWire `json:"fileParts"`
}

type openBatchWire struct {
	FormCode    formCodeWire   `json:"formCode"`
	BatchFile   batchFileWire  `json:"batchFile"`
	Encryption  encryptionWire `json:"encryption"`
	OfflineMode bool           `json:"offlineMode,omitempty"`
}

type openedBatchWire struct {
	ReferenceNumber    string           `json:"referenceNumber"`
	PartUploadRequests []partUploadWire `json:"partUploadRequests"`
}

type partUploadWire struct {
	OrdinalNumber int                      `json:"ordinalNumber"`
	Method        string                   `json:"method"`
	URL           string                   `json:"url"`
	Headers       map[string]*lenient.Name `json:"headers"`
}

// compressions are KSeF's names of the archive's forms. ZIP has no name here, so that the field is
// left out: ZIP is the default, and servers before API 2.6.0 do not know the field.
var compressions = map[ksef.Compression]string{ksef.CompressionZIP: "", ksef.CompressionTarGz: "TarGz"}

// OpenBatch opens a batch session. Next, its parts must be uploaded (UploadPart) and the session
// closed (CloseSession). Only then does KSeF begin to process it. KSeF cancels a session that is
// never closed.
func (c *Client) OpenBatch(ctx context.Context, r ksef.OpenBatchRequest) (ksef.OpenedBatch, error) {
	info := r.BatchInfo
	body := openBatchWire{
		FormCode: formCodes[r.InvoiceVersion], Encryption: encryptionOf(r.EncryptionInfo), OfflineMode: r.Offline,
		BatchFile: batchFileWire{FileSize: info.BatchSize, FileHash: info.BatchHash, CompressionType: compressions[info.Compression]},
	}
	for _, p := range info.BatchParts {
		body.BatchFile.FileParts = append(body.BatchFile.FileParts, batchPartWire{p.Ordinal, p.PartSize, p.PartHash})
	}
	k := post("open batch session", ksef.GroupBatchSession, "/sessions/batch", body).
		Bad(r.InvoiceVersion.Check()).Bad(r.EncryptionInfo.Check()).Bad(info.Check()).Bad(checkBatch(info))
	var wire openedBatchWire
	var out ksef.OpenedBatch
	err := c.do(ctx, k, func(a *httponce.Answer) error {
		if err := a.Checked(&wire, func() error { return missing("referenceNumber", wire.ReferenceNumber) }); err != nil {
			return err
		}
		out.ID = wire.ReferenceNumber
		var err error
		out.PartUploads, err = uploadsOf(info.BatchParts, wire.PartUploadRequests)
		return err
	})
	if err := c.opened(err, r.EncryptionInfo.PublicKeyID); err != nil {
		return ksef.OpenedBatch{}, err
	}
	return out, nil
}

// checkBatch refuses a form of archive other than ZIP and tar.gz, and more parts than KSeF takes.
func checkBatch(b ksef.BatchInfo) error {
	if _, known := compressions[b.Compression]; !known {
		return fmt.Errorf("archive form %q is neither zip nor tar.gz", b.Compression)
	}
	if n := len(b.BatchParts); n > numbers.MaxBatchParts {
		return fmt.Errorf("%d parts are more than KSeF's %d", n, numbers.MaxBatchParts)
	}
	return nil
}

// uploadsOf returns the uploads of an answer in the order of the parts.
func uploadsOf(parts []ksef.BatchPart, wire []partUploadWire) ([]ksef.PartUpload, error) {
	uploads := make([]ksef.PartUpload, len(wire))
	for i, w := range wire {
		u := ksef.PartUpload{Ordinal: w.OrdinalNumber, Method: cmp.Or(w.Method, "PUT"), URL: w.URL}
		for _, name := range slices.Sorted(maps.Keys(w.Headers)) {
			if value := w.Headers[name]; value != nil {
				u.Headers = append(u.Headers, ksef.Header{Name: name, Value: string(*value)})
			}
		}
		uploads[i] = u
	}
	return ksef.MatchUploads(parts, uploads)
}
