package simulator

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// boxRaw uploads a package whose body and header are written by hand, as a client without a
// multipart library does.
func (r *rig) boxRaw(id, contentType, boundary string, archive []byte) answer {
	r.t.Helper()
	var body bytes.Buffer
	fmt.Fprintf(&body, "--%s\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n", boundary)
	fmt.Fprintf(&body, `{"uploadId":%q,"offline":false,"notify":false,"invoiceVersion":"v3"}`, id)
	fmt.Fprintf(&body, "\r\n--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"batch.zip\"\r\n", boundary)
	fmt.Fprintf(&body, "Content-Type: application/zip\r\n\r\n%s\r\n--%s--\r\n", archive, boundary)
	req := r.request(http.MethodPost, "/box/upload/batch", body.Bytes())
	req.Header.Set("Content-Type", contentType)
	return r.do(req)
}

// The gateway vendor's own PHP client writes its boundary in Base64 and without quotes.
func TestBox_BoundaryInBase64WithoutQuotes_IsAccepted(t *testing.T) {
	r := newRig(t)
	archive := zipOf(t, faXML(sellerA, "FV/1", today))
	for i, boundary := range []string{"3q2+7wABAgMEBQYHCAkK/w==", "YWJj/2RlZg==", "a+b/c=", "////", "plain"} {
		id := fmt.Sprint("php", i)
		r.ok(r.boxRaw(id, "multipart/form-data; boundary="+boundary, boundary, archive), nil)
		var got struct {
			Info []invoiceInfo `json:"invoiceInfo"`
		}
		r.awaitBox("/box/upload/batch/"+id, &got)
		if len(got.Info) != 1 || got.Info[0].Number != "FV/1" {
			t.Errorf("%s: the invoices are %+v, want FV/1 alone", boundary, got.Info)
		}
	}
}

func TestBox_AnyOtherBrokenContentType_IsStillRefused(t *testing.T) {
	r := newRig(t)
	const good = "3q2+7wABAgMEBQYHCAkK/w=="
	archive := zipOf(t, faXML(sellerA, "FV/1", today))
	for why, contentType := range map[string]string{
		"characters that are not Base64":     "multipart/form-data; boundary=a@b/c==",
		"an equals sign inside the boundary": "multipart/form-data; boundary=a=b/c",
		"something after the boundary":       "multipart/form-data; boundary=" + good + "; charset=utf-8",
		"another media type":                 "multipart/mixed; boundary=" + good,
		"no boundary":                        "multipart/form-data",
		"an empty boundary":                  "multipart/form-data; boundary=",
		"more than seventy characters":       "multipart/form-data; boundary=" + strings.Repeat("/", 69) + "==",
		"a boundary the body doesn't use":    "multipart/form-data; boundary=AAAA/w==",
	} {
		if a := r.boxRaw("u", contentType, good, archive); a.status != http.StatusBadRequest {
			t.Errorf("%s: the answer is %d %s, want status 400", why, a.status, a.body)
		}
	}
	r.ok(r.boxRaw("u", `multipart/form-data; boundary="`+good+`"`, good, archive), nil)
}
