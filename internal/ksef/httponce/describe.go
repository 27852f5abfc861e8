package httponce

import (
	"bytes"
	"fmt"
	"strings"
)

// shownTypes are the content types that an error may name.
var shownTypes = []string{
	"application/json", "text/html", "text/xml", "application/xml", "text/plain", "application/octet-stream",
	"application/zip", "application/pdf",
}

// Describe tells what an unexpected body of this answer looks like, without quoting it.
func (a *Answer) Describe(raw []byte) string { return describe(raw, a.contentType) }

// describe tells what an unexpected body looks like, without quoting it.
func describe(raw []byte, contentType string) string {
	kind := "no known content type"
	for _, known := range shownTypes {
		if mediaTypeIs(contentType, known) {
			kind = known
		}
	}
	return fmt.Sprintf("%s, %d bytes%s", kind, len(raw), map[bool]string{true: ", HTML"}[isHTML(raw)])
}

func isHTML(raw []byte) bool {
	head := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(raw[:min(len(raw), 512)], bom)))
	for _, start := range []string{"<!doctype html", "<html", "<head", "<body"} {
		if bytes.HasPrefix(head, []byte(start)) {
			return true
		}
	}
	return false
}

func mediaTypeIs(contentType, want string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), want)
}
