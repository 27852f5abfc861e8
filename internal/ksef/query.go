package ksef

import (
	"context"
	"errors"
	"io"
	"math"
)

// QueryRequest starts the export of invoices. Its parts come encrypted with the key of EncryptionInfo.
type QueryRequest struct {
	EncryptionInfo EncryptionInfo `json:"encryptionInfo"`
	SubjectType    SubjectType    `json:"subjectType"`
	Range          Range          `json:"range"`
}

// QueryStart starts an export and returns its id.
func (c *Client) QueryStart(ctx context.Context, r QueryRequest) (queryID string, err error) {
	k := post("start query", GroupQueryStart, "/invoice/query/start", r).bad(r.EncryptionInfo.check()).bad(r.SubjectType.check()).bad(r.Range.check())
	var out struct {
		QueryID string `json:"queryId"`
	}
	if err := c.pass(ctx, k, func(a *answer) error { return a.checked(&out, func() error { return missing("queryId", out.QueryID) }) }); err != nil {
		return "", err
	}
	return out.QueryID, nil
}

// QueryInfo describes the result of a finished export.
type QueryInfo struct {
	NumberOfInvoices int   `json:"numberOfInvoices"`
	PackageSize      int64 `json:"packageSize"` // bytes
	// IsTruncated: there was more than fits; TruncatedAt tells how far it goes.
	IsTruncated bool     `json:"isTruncated"`
	TruncatedAt Time     `json:"truncatedAt,omitzero"`
	PartNumbers []string `json:"partNumbers"`
}

// QueryStatus asks for an export's result. ErrProcessing while it runs.
func (c *Client) QueryStatus(ctx context.Context, queryID string) (QueryInfo, error) {
	k := get("ask query status", GroupQueryStatus, "/invoice/query/status/%s", queryID)
	k.processing = true
	var out struct {
		QueryInfo
		PartNumbers *[]looseText `json:"partNumbers"`
	}
	err := c.pass(ctx, k, func(a *answer) error {
		if err := a.json(&out); err != nil {
			return err
		}
		if out.PartNumbers == nil {
			return errors.New("answer has no list of parts")
		}
		return nil
	})
	if err != nil {
		return QueryInfo{}, err
	}
	for _, p := range *out.PartNumbers {
		out.QueryInfo.PartNumbers = append(out.QueryInfo.PartNumbers, string(p))
	}
	return out.QueryInfo, nil
}

// QueryResult writes one part of an export's ZIP to w, still encrypted (SessionKey.Decrypt), and returns its length in bytes. On an error w may have been
// given a piece of it. At most Options.MaxDownload bytes.
func (c *Client) QueryResult(ctx context.Context, queryID, part string, w io.Writer) (int64, error) {
	k := get("fetch query result", GroupQueryResult, "/invoice/query/result/%s/%s", queryID, part)
	k.processing = true
	return c.download(ctx, k.accepting("application/octet-stream, application/json"), w)
}

// download streams an answer of bytes to w.
func (c *Client) download(ctx context.Context, k call, w io.Writer) (n int64, err error) {
	k.stream, k.limit = true, c.maxDownload
	if w == nil {
		k = k.bad(errors.New("writer is required"))
	}
	err = c.pass(ctx, k, func(a *answer) (err error) {
		n, err = a.copyTo(w)
		return err
	})
	return n, err
}

// headSize is how much of a download is looked at before any of it is passed on: an error of the gateway, or a firewall's page, is smaller.
const headSize = 64 << 10

// copyTo passes bytes on unless they are the gateway's "no" or a page. Encrypted bytes may begin like anything, so an error must be a whole JSON
// object with `error` in it, and a page must be announced as one.
func (a *answer) copyTo(w io.Writer) (int64, error) {
	head := make([]byte, headSize)
	n, err := io.ReadFull(a.body, head)
	head = head[:n]
	whole := err == io.EOF || err == io.ErrUnexpectedEOF && a.body.err == io.EOF
	switch {
	case err != nil && !whole:
		return 0, err
	case n == 0:
		return 0, errors.New("empty answer")
	case mediaTypeIs(a.contentType, "text/html"), isHTML(head):
		return 0, errors.New("a page where bytes were due (" + describe(head, a.contentType) + ")")
	}
	if whole {
		if body, isObject := parseError(head); body != nil {
			return 0, &gatewayError{body: *body}
		} else if isObject || mediaTypeIs(a.contentType, "application/json") {
			return 0, errors.New("JSON where bytes were due (" + describe(head, a.contentType) + ")")
		}
	}
	if _, err := w.Write(head); err != nil {
		return 0, &localError{err: err}
	}
	sink := &sink{w: w}
	more, err := io.CopyN(sink, a.body, math.MaxInt64)
	switch {
	case sink.err != nil:
		return int64(n) + more, &localError{err: sink.err}
	case err != io.EOF:
		return int64(n) + more, err
	}
	return int64(n) + more, nil
}

// sink tells a fault of the writer from one of the network.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (n int, err error) {
	n, s.err = s.w.Write(p)
	return n, s.err
}
