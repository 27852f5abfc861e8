package simulator

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"testing"
)

func sha(data []byte) []byte {
	h := sha256.Sum256(data)
	return h[:]
}

// zipOf packs documents as 1.xml, 2.xml, …
func zipOf(t testing.TB, documents ...string) []byte {
	t.Helper()
	files := make([][2]string, len(documents))
	for i, d := range documents {
		files[i] = [2]string{fmt.Sprintf("%d.xml", i+1), d}
	}
	return zipFiles(t, files...)
}

func zipFiles(t testing.TB, files ...[2]string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range files {
		header := &zip.FileHeader{Name: f[0], Method: zip.Deflate}
		if f[1] == "" {
			header.Method = zip.Store // saves thousands of compressors for empty files
		}
		w, err := z.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// batch is a package that is being sent. Tests change it between the steps.
type batch struct {
	rig      *rig
	secret   secret
	parts    [][]byte // encrypted
	open     m
	id       string
	uploads  []upload
	declared []m
}

type upload struct {
	Ordinal int         `json:"ordinal"`
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers []nameValue `json:"headers"`
}

// pack prepares the opening of a batch session with the package cut into n parts.
func (r *rig) pack(archive []byte, n int) *batch {
	b := &batch{rig: r, secret: r.secret()}
	for i := range n {
		from, to := len(archive)*i/n, len(archive)*(i+1)/n
		b.parts = append(b.parts, b.secret.seal(archive[from:to]))
		b.declared = append(b.declared, m{"ordinal": i + 1, "partSize": len(b.parts[i]), "partHash": sha(b.parts[i])})
	}
	b.open = m{"invoiceVersion": "v3", "encryptionInfo": b.secret.info(), "offline": false,
		"batchInfo": m{"batchSize": len(archive), "batchHash": sha(archive), "batchParts": b.declared}}
	return b
}

func (b *batch) info() m { return b.open["batchInfo"].(m) }

func (b *batch) begin() *batch {
	b.rig.t.Helper()
	var opened struct {
		ID      string   `json:"id"`
		Uploads []upload `json:"partUploads"`
	}
	b.rig.ok(b.rig.post("/invoice/session/open/batch", b.open), &opened)
	b.id, b.uploads = opened.ID, opened.Uploads
	return b
}

func (r *rig) upload(u upload, data []byte, change ...func(*http.Request)) answer {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), u.Method, u.URL, bytes.NewReader(data))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, h := range u.Headers {
		req.Header.Set(h.Name, h.Value)
	}
	for _, f := range change {
		f(req)
	}
	return r.do(req)
}

func (b *batch) uploadAll() *batch {
	b.rig.t.Helper()
	for i, u := range b.uploads {
		if a := b.rig.upload(u, b.parts[i]); a.status != http.StatusCreated {
			b.rig.t.Fatalf("the upload of part %d is answered with %d %s (error %v), want 201", i+1, a.status, a.body, a.err)
		}
	}
	return b
}

func (b *batch) close() *batch {
	b.rig.t.Helper()
	b.rig.ok(b.rig.get("/invoice/session/close/"+b.id), nil)
	return b
}
