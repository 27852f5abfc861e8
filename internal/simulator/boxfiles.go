package simulator

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"regexp"
	"time"
)

// multipart reads the two parts of a package upload, in their order: "request" as JSON and "file" as batch.zip. The
// file is spooled; whoever gets its name removes it.
func (s *Simulator) multipart(c *call) (body boxBatchRequest, file string, refused *refusal) {
	boundary, found := boundaryOf(c.r.Header.Get("Content-Type"))
	if !found {
		return body, "", badInput("Content-Type is not multipart/form-data with a boundary")
	}
	reader := multipart.NewReader(http.MaxBytesReader(nil, c.r.Body, packageBody), boundary)
	part, err := reader.NextPart()
	if err != nil || part.FormName() != "request" {
		return body, "", badInput("the first part is not named request")
	}
	if given := part.Header.Get("Content-Type"); given != "" { // the contract does not ask for one
		if kind, _, err := mime.ParseMediaType(given); err != nil || kind != jsonType {
			return body, "", badInput("the part request is not %s", jsonType)
		}
	}
	raw, err := io.ReadAll(io.LimitReader(part, smallBody))
	if err != nil {
		return body, "", badInput("the body ended early")
	}
	if err := decodeStrict(raw, &body); err != nil {
		return body, "", badInput("request: %v", err)
	}
	part, err = reader.NextPart()
	if err != nil || part.FormName() != "file" || part.FileName() != "batch.zip" || part.Header.Get("Content-Type") != zipType {
		return body, "", badInput("the second part is not file, batch.zip, %s", zipType)
	}
	if file, err = s.spoolFile(part); err != nil {
		return body, "", badInput("the body ended early or is too large")
	}
	if _, err := reader.NextPart(); !errors.Is(err, io.EOF) {
		_ = os.Remove(file)
		return body, "", badInput("more than two parts")
	}
	return body, file, nil
}

// base64Boundary is the one header that breaks RFC 2045 and is taken all the same: the gateway vendor's own PHP client
// makes its boundary in Base64 and does not quote it, although a slash or an equals sign demands quotes. The gateway
// takes what its own client sends. Nothing may follow the boundary, and RFC 2046 ends it at 70 characters.
var base64Boundary = regexp.MustCompile(`^multipart/form-data; ?boundary=([A-Za-z0-9+/]{1,68}={0,2})$`)

// boundaryOf reads the header of a package upload.
func boundaryOf(contentType string) (string, bool) {
	if m := base64Boundary.FindStringSubmatch(contentType); m != nil {
		return m[1], true
	}
	kind, params, err := mime.ParseMediaType(contentType)
	return params["boundary"], err == nil && kind == "multipart/form-data" && params["boundary"] != ""
}

func (s *Simulator) spoolFile(from io.Reader) (string, error) {
	f, err := os.CreateTemp(s.dir, "box-")
	if err != nil {
		return "", fmt.Errorf("make package file: %w", err)
	}
	_, err = io.Copy(f, from)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return "", fmt.Errorf("spool package: %w", err)
	}
	return f.Name(), nil
}

// boxDownload is one order for invoices.
type boxDownload struct {
	started time.Time
	found   []*accepted
}

func (s *Simulator) boxDownload(c *call) (reply, *refusal) {
	var body struct {
		ID      string    `json:"downloadId"`
		Notify  bool      `json:"notify"`
		Subject string    `json:"subjectType"`
		Range   dateRange `json:"range"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	if refused := checkSubject(body.Subject); refused != nil {
		return reply{}, refused
	}
	if refused := body.Range.check(); refused != nil {
		return reply{}, refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := uploadKey(c.account, body.ID)
	if body.ID == "" || s.downloads[key] != nil {
		return reply{}, badInput("downloadId %q is empty or was used before", body.ID)
	}
	found, _ := s.findInvoices(c.account, body.Subject, body.Range)
	s.downloads[key] = &boxDownload{started: s.now(), found: found}
	return resultTrue(), nil
}

func (s *Simulator) boxDownloadStatus(c *call) (reply, *refusal) {
	s.mu.Lock()
	d := s.downloads[uploadKey(c.account, c.value(0))]
	var refused *refusal
	if d == nil {
		refused = badInput("downloadId %q is unknown", c.value(0))
	} else {
		refused = s.waiting(d.started)
	}
	s.mu.Unlock()
	if refused != nil {
		return reply{}, refused
	}
	body, err := s.zip(d.found)
	if err != nil {
		return reply{}, &refusal{status: http.StatusInternalServerError, code: 500, description: "Internal Server Error"}
	}
	return reply{status: http.StatusOK, contentType: zipType, body: body}, nil
}
