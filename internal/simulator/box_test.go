package simulator

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"testing"
	"time"
)

type boxAnswer struct {
	ID      string      `json:"uploadId"`
	Info    invoiceInfo `json:"invoiceInfo"`
	Session string      `json:"sessionId"`
	UPO     []byte      `json:"upo"`
}

func TestBox_Invoice_IsCheckedAndAcceptedAsInASession(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Delay = 2 * time.Second })
	body := m{"uploadId": "u/1", "offline": true, "notify": false, "upo": true, "invoiceData": []byte(faXML(sellerA, "FV/1", today))}
	r.ok(r.post("/box/upload/invoice", body), nil)
	// Until the upload is finished, the answer is an error object, with status 200 or 400.
	if a := r.get("/box/upload/invoice/u%2F1"); a.status >= 500 {
		t.Errorf("an upload that is not finished is answered with status %d, want less than 500", a.status)
	} else if code, _ := a.apiError(); code != 150 {
		t.Errorf("an upload that is not finished has code %d, want 150", code)
	}
	r.clock.add(2 * time.Second)
	var got boxAnswer
	r.ok(r.get("/box/upload/invoice/u%2F1"), &got)
	if got.ID != "u/1" || got.Info.Status.Code != 200 || got.Info.Mode != "offline" || len(got.Info.KsefNumber) != 35 {
		t.Errorf("the upload is %+v, want an accepted offline invoice", got)
	}
	checkReceipt(t, got.UPO, got.Session, 1)
	if a := r.get("/invoice/session/status/" + got.Session); a.status != 400 {
		t.Errorf("a request for the status of the box's session got HTTP %d, want 400", a.status)
	}
	if a := r.post("/box/upload/invoice", body); a.status != 400 {
		t.Errorf("an uploadId that was used is answered with %d, want 400", a.status)
	}
	own := r.as("test_" + sellerA)
	again := m{"uploadId": "u/1", "offline": false, "notify": false, "invoiceData": []byte(faXML(sellerA, "FV/1", today))}
	r.ok(own.post("/box/upload/invoice", again), nil)
	r.clock.add(2 * time.Second)
	r.ok(own.get("/box/upload/invoice/u%2F1"), &got)
	if got.Info.Status.Code != 440 {
		t.Errorf("a duplicate by another account is %+v, want code 440", got.Info)
	}
	for _, path := range []string{"/box/upload/invoice/u2", "/box/upload/batch/u%2F1"} {
		if a := r.get(path); a.status != 400 {
			t.Errorf("%s: status %d, want 400", path, a.status)
		}
	}
}

// boxBatch uploads a package as the contract says, with the given request, file name and file type.
func (r *rig) boxBatch(request, fileName, fileType string, archive []byte) answer {
	r.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part := func(name, file, kind string, content []byte) {
		disposition := fmt.Sprintf(`form-data; name=%q`, name)
		if file != "" {
			disposition += fmt.Sprintf(`; filename=%q`, file)
		}
		p, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {disposition}, "Content-Type": {kind}})
		if err != nil {
			r.t.Fatal(err)
		}
		_, _ = p.Write(content)
	}
	part("request", "", jsonType, []byte(request))
	part("file", fileName, fileType, archive)
	if err := w.Close(); err != nil {
		r.t.Fatal(err)
	}
	req := r.request(http.MethodPost, "/box/upload/batch", body.Bytes())
	req.Header.Set("Content-Type", w.FormDataContentType())
	return r.do(req)
}

func TestBox_Batch_IsCheckedAndAcceptedAsInASession(t *testing.T) {
	r := newRig(t)
	const request = `{"uploadId":"b1","offline":false,"notify":true,"upo":true,"invoiceVersion":"v3"}`
	archive := zipOf(t, faXML(sellerA, "FV/1", today), "x", faXML(sellerA, "FV/2", today))
	for name, a := range map[string]answer{
		"a file of another name":      r.boxBatch(request, "a.zip", zipType, archive),
		"a file of another type":      r.boxBatch(request, "batch.zip", bytesType, archive),
		"a request that lacks fields": r.boxBatch(`{"uploadId":"b1"}`, "batch.zip", zipType, archive),
		"an unknown invoiceVersion": r.boxBatch(`{"uploadId":"b1","offline":false,"notify":true,"invoiceVersion":"v1"}`,
			"batch.zip", zipType, archive),
		"JSON without a file": r.post("/box/upload/batch", []byte(request)),
	} {
		if a.status != 400 {
			t.Errorf("%s: the answer is %d %s, want status 400", name, a.status, a.body)
		}
	}
	r.ok(r.boxBatch(request, "batch.zip", zipType, archive), nil)
	if a := r.boxBatch(request, "batch.zip", zipType, archive); a.status != 400 {
		t.Errorf("an uploadId that was used is answered with %d, want 400", a.status)
	}
	var got struct {
		Info    []invoiceInfo `json:"invoiceInfo"`
		Session string        `json:"sessionId"`
		UPO     []byte        `json:"upo"`
	}
	r.awaitBox("/box/upload/batch/b1", &got)
	if len(got.Info) != 3 || got.Info[0].Status.Code != 200 || got.Info[1].Status.Code != 430 || got.Info[2].Number != "FV/2" {
		t.Errorf("the invoices are %+v, want 200, then 430, then FV/2", got.Info)
	}
	checkReceipt(t, got.UPO, got.Session, 2)
	r.ok(r.boxBatch(`{"uploadId":"b2","offline":false,"notify":false,"invoiceVersion":"v3"}`, "batch.zip", zipType, []byte("no ZIP")), nil)
	for deadline := time.Now().Add(10 * time.Second); ; <-time.After(time.Millisecond) {
		if code, _ := r.get("/box/upload/batch/b2").apiError(); code == 430 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("the upload still has code %d after ten seconds, want 430", code)
		}
	}
}

// awaitBox polls until the answer is no longer an error object, and decodes this answer.
func (r *rig) awaitBox(path string, into any) {
	r.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(time.Millisecond) {
		a := r.get(path)
		if code, _ := a.apiError(); code == 0 {
			r.ok(a, into)
			return
		}
	}
	r.t.Fatal("the box is still processing after ten seconds")
}

func TestBox_Download_HasTheAcceptedBytes(t *testing.T) {
	r := newRig(t, func(o *Options) { o.InvoiceDelay = time.Second })
	r.sendBatch(faXML(sellerA, "FV/1", today), faXML(sellerA, "FV/2", today))
	r.clock.add(time.Minute)
	day := m{"from": "2026-11-23T00:00:00Z", "to": "2026-11-24T00:00:00+01:00"}
	order := m{"downloadId": "d", "notify": false, "subjectType": "Subject1", "range": day}
	r.ok(r.post("/box/download/invoices", order), nil)
	if a := r.post("/box/download/invoices", order); a.status != 400 {
		t.Errorf("a downloadId that was used is answered with %d, want 400", a.status)
	}
	a := r.get("/box/download/invoices/d")
	if code, _ := a.apiError(); a.status != 200 || code != 100 {
		t.Errorf("the first answer is %d %s, want 200 with code 100", a.status, a.body)
	}
	r.clock.add(600 * time.Millisecond)
	a = r.get("/box/download/invoices/d")
	if code, _ := a.apiError(); a.status != 400 || code != 150 {
		t.Errorf("the second answer is %d %s, want 400 with code 150", a.status, a.body)
	}
	r.clock.add(time.Second)
	a = r.get("/box/download/invoices/d")
	if files := unzipAll(t, a.body); a.status != 200 || len(files) != 2 || files[0] != faXML(sellerA, "FV/1", today) {
		t.Errorf("the download is answered with %d and has %d files, want 200 and the two invoices", a.status, len(files))
	}
}

func unzipAll(t *testing.T, archive []byte) []string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, f := range z.File {
		rc, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(rc)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, string(content))
	}
	return files
}
