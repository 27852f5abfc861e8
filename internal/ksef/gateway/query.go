package gateway

import (
	"context"
	"errors"
	"io"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/lenient"
)

// QueryRequest starts the export of invoices. The parts of the export come encrypted with the key
// of EncryptionInfo.
type QueryRequest struct {
	EncryptionInfo ksef.EncryptionInfo
	SubjectType    ksef.SubjectType
	Range          ksef.Range
}

// QueryStart starts an export and returns its id.
func (g *RegisterAPI) QueryStart(ctx context.Context, r QueryRequest) (queryID string, err error) {
	body := struct {
		EncryptionInfo encryptionWire   `json:"encryptionInfo"`
		SubjectType    ksef.SubjectType `json:"subjectType"`
		Range          rangeWire        `json:"range"`
	}{encryptionOf(r.EncryptionInfo), r.SubjectType, rangeWire(r.Range)}
	k := httponce.Post("start query", ksef.GroupQueryStart, "/invoice/query/start", body).
		Bad(r.EncryptionInfo.Check()).Bad(r.SubjectType.Check()).Bad(r.Range.Check())
	var out struct {
		QueryID string `json:"queryId"`
	}
	err = g.do(ctx, k, func(a *httponce.Answer) error {
		return a.Checked(&out, func() error { return missing("queryId", out.QueryID) })
	})
	if err != nil {
		return "", err
	}
	return out.QueryID, nil
}

// QueryInfo describes the result of a finished export.
type QueryInfo struct {
	NumberOfInvoices int
	PackageSize      int64 // bytes
	// IsTruncated says that there was more than fits. TruncatedAt tells how far the result goes.
	IsTruncated bool
	TruncatedAt ksef.Time
	PartNumbers []string
}

// QueryStatus returns the description of an export's result. It returns [ksef.ErrProcessing] while
// the export runs.
func (g *RegisterAPI) QueryStatus(ctx context.Context, queryID string) (QueryInfo, error) {
	k := httponce.Get("ask query status", ksef.GroupQueryStatus, "/invoice/query/status/%s", queryID)
	k.Processing = true
	var wire struct {
		NumberOfInvoices int             `json:"numberOfInvoices"`
		PackageSize      int64           `json:"packageSize"`
		IsTruncated      bool            `json:"isTruncated"`
		TruncatedAt      ksef.Time       `json:"truncatedAt"`
		PartNumbers      *[]lenient.Text `json:"partNumbers"`
	}
	err := g.do(ctx, k, func(a *httponce.Answer) error {
		if err := a.JSON(&wire); err != nil {
			return err
		}
		if wire.PartNumbers == nil {
			return errors.New("answer has no list of parts")
		}
		return nil
	})
	if err != nil {
		return QueryInfo{}, err
	}
	out := QueryInfo{
		NumberOfInvoices: wire.NumberOfInvoices,
		PackageSize:      wire.PackageSize,
		IsTruncated:      wire.IsTruncated,
		TruncatedAt:      wire.TruncatedAt,
	}
	for _, p := range *wire.PartNumbers {
		out.PartNumbers = append(out.PartNumbers, string(p))
	}
	return out, nil
}

// QueryResult writes one part of an export's ZIP to w, still encrypted (see
// [ksef.SessionKey.Decrypt]), and returns its length in bytes. After an error w may hold a piece of
// it. The length is at most Options.MaxDownload bytes.
func (g *RegisterAPI) QueryResult(ctx context.Context, queryID, part string, w io.Writer) (int64, error) {
	k := httponce.Get("fetch query result", ksef.GroupQueryResult, "/invoice/query/result/%s/%s", queryID, part)
	k.Processing = true
	return g.download(ctx, k.Accepting("application/octet-stream, application/json"), w)
}
