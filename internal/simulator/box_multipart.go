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

	"ksefworker/internal/simulator/strictjson"
)

// multipart reads the two parts of a package upload, first "request" as JSON and then "file" as
// batch.zip. It spools the file, which the caller must remove.
func (bo *boxOperations) multipart(c *call) (body boxBatchRequest, file string, refused *refusal) {
	boundary, found := boundaryOf(c.r.Header.Get("Content-Type"))
	if !found {
		return body, "", badInput("Content-Type is not multipart/form-data with a boundary")
	}
	reader := multipart.NewReader(http.MaxBytesReader(nil, c.r.Body, packageBody), boundary)
	part, err := reader.NextPart()
	if err != nil || part.FormName() != "request" {
		return body, "", badInput("the first part is not named request")
	}
	if given := part.Header.Get("Content-Type"); given != "" { // the contract does not require one
		if kind, _, err := mime.ParseMediaType(given); err != nil || kind != jsonType {
			return body, "", badInput("the part request is not %s", jsonType)
		}
	}
	raw, err := io.ReadAll(io.LimitReader(part, smallBody))
	if err != nil {
		return body, "", badInput("the body ended early")
	}
	if err := strictjson.Decode(raw, &body); err != nil {
		return body, "", badInput("request: %v", err)
	}
	part, err = reader.NextPart()
	if err != nil || part.FormName() != "file" || part.FileName() != "batch.zip" || part.Header.Get("Content-Type") != zipType {
		return body, "", badInput("the second part is not file, batch.zip, %s", zipType)
	}
	if file, err = bo.spoolFile(part); err != nil {
		return body, "", badInput("the body ended early or is too large")
	}
	if _, err := reader.NextPart(); !errors.Is(err, io.EOF) {
		_ = os.Remove(file)
		return body, "", badInput("more than two parts")
	}
	return body, file, nil
}

// base64Boundary matches the only header that is accepted although it breaks RFC 2045. The gateway
// vendor's own PHP client makes its boundary in Base64 and does not quote it, although a slash or
// an equals sign needs quotes. The gateway accepts what the vendor's client sends. Nothing may
// follow the boundary, and RFC 2046 allows it 70 characters.
var base64Boundary = regexp.MustCompile(`^multipart/form-data; ?boundary=([A-Za-z0-9+/]{1,68}={0,2})$`)

// boundaryOf reads the boundary from the Content-Type of a package upload.
func boundaryOf(contentType string) (string, bool) {
	if m := base64Boundary.FindStringSubmatch(contentType); m != nil {
		return m[1], true
	}
	kind, params, err := mime.ParseMediaType(contentType)
	return params["boundary"], err == nil && kind == "multipart/form-data" && params["boundary"] != ""
}

// spoolFile writes a package to a new file and returns its name.
func (bo *boxOperations) spoolFile(from io.Reader) (string, error) {
	f, err := os.CreateTemp(bo.dir, "box-")
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
