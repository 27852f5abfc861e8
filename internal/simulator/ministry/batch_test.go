package ministry

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"ksefworker/internal/simulator/fa/fatest"
)

// file is one file of a package.
type file struct{ name, content string }

func numbered(n int) []file {
	files := make([]file, n)
	for i := range files {
		files[i] = file{fmt.Sprintf("f-%03d.xml", i+1), fatest.Invoice(nipA, fmt.Sprintf("FV/%d", i+1), today)}
	}
	return files
}

func zipOf(t *testing.T, files []file) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range files {
		w, err := z.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func tarOf(t *testing.T, files []file) []byte {
	t.Helper()
	var out bytes.Buffer
	g := gzip.NewWriter(&out)
	w := tar.NewWriter(g)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.content)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// shipment is a package on its way.
type shipment struct {
	r       *rig
	id      string
	parts   [][]byte
	body    m
	uploads []struct {
		Ordinal int               `json:"ordinalNumber"`
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
	}
}

// pack cuts an archive into n parts and declares them.
func (r *rig) pack(archive []byte, n int, compression string) *shipment {
	r.t.Helper()
	s, sh := r.secret(), &shipment{r: r}
	size := (len(archive) + n - 1) / n
	var declared []m
	for chunk := range slices.Chunk(archive, size) {
		part := s.seal(chunk)
		sh.parts = append(sh.parts, part)
		declared = append(declared, m{"ordinalNumber": len(sh.parts), "fileSize": len(part), "fileHash": hashOf(part)})
	}
	file := m{"fileSize": len(archive), "fileHash": hashOf(archive), "fileParts": declared}
	if compression != "" {
		file["compressionType"] = compression
	}
	sh.body = m{"formCode": formFA3(), "encryption": s.info(), "batchFile": file}
	return sh
}

func (s *shipment) open() *shipment {
	s.r.t.Helper()
	var opened struct {
		Reference string `json:"referenceNumber"`
		Uploads   any    `json:"partUploadRequests"`
	}
	a := s.r.post("/sessions/batch", s.body)
	opened.Uploads = &s.uploads
	s.r.ok(a, http.StatusCreated, &opened)
	s.id = opened.Reference
	return s
}

// upload sends one part.
func (s *shipment) upload(i int) answer {
	s.r.t.Helper()
	u := s.uploads[i]
	other := s.r.with("")
	other.header = http.Header{}
	for name, value := range u.Headers {
		other.header.Set(name, value)
	}
	return other.do(u.Method, u.URL, "", s.parts[i])
}

func (s *shipment) uploadAll() *shipment {
	s.r.t.Helper()
	for i := range s.parts {
		if a := s.upload(i); a.status != http.StatusCreated {
			s.r.t.Fatalf("the upload of part %d got HTTP %d %s %v, want 201", i+1, a.status, a.body, a.err)
		}
	}
	return s
}

func (s *shipment) close() *shipment {
	s.r.t.Helper()
	s.r.ok(s.r.post("/sessions/batch/"+s.id+"/close", nil), http.StatusNoContent, nil)
	return s
}

func TestBatch_ZipAndTarGzInParts_AreAcceptedWithNamesAndHashes(t *testing.T) {
	for compression, pack := range map[string]func(*testing.T, []file) []byte{"": zipOf, "Zip": zipOf, "TarGz": tarOf} {
		r := newRig(t, Options{}).loggedIn(nipA)
		files := numbered(25)
		sh := r.pack(pack(t, files), 3, compression).open().uploadAll().close()
		if state := r.await(sh.id); state.Status.Code != 200 || *state.Success != 25 {
			t.Fatalf("%q: the session is %+v, want 25 accepted invoices", compression, state)
		}
		seen := map[string]bool{}
		for _, e := range r.page("/sessions/"+sh.id+"/invoices?pageSize=1000", "").Invoices {
			f := files[slices.IndexFunc(files, func(f file) bool { return f.name == e.File })]
			if e.Hash != base64Of(hashOf([]byte(f.content))) || len(e.Reference) != 36 || e.Status.Code != 200 || seen[e.Reference] {
				t.Errorf("packed as %q, an entry of the session's list is %+v, want its hash, a reference of its own and code 200",
					compression, e)
			}
			seen[e.Reference] = true
		}
		if len(seen) != 25 || len(r.sim.Books().Accepted) != 25 {
			t.Errorf("packed as %q: %d invoices in the list and %d in the books, want 25 in each",
				compression, len(seen), len(r.sim.Books().Accepted))
		}
	}
}

func TestBatch_BadDeclarations_AreRefused(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	archive := zipOf(t, numbered(2))
	changed := func(change func(body, file m)) m {
		sh := r.pack(archive, 2, "")
		change(sh.body, sh.body["batchFile"].(m))
		return sh.body
	}
	part := func(file m, i int) m { return file["fileParts"].([]m)[i] }
	for name, c := range map[string]struct {
		body m
		code int
	}{
		"an unknown compression":            {changed(func(_, f m) { f["compressionType"] = "Rar" }), 21405},
		"no parts":                          {changed(func(_, f m) { f["fileParts"] = []m{} }), 21161},
		"51 parts":                          {changed(func(_, f m) { f["fileParts"] = slices.Repeat([]m{part(f, 0)}, 51) }), 21161},
		"an ordinal twice":                  {changed(func(_, f m) { part(f, 1)["ordinalNumber"] = 1 }), 21405},
		"a part of 101 MB":                  {changed(func(_, f m) { part(f, 1)["fileSize"] = 101_000_000 }), 21157},
		"a package of 6 GB":                 {changed(func(_, f m) { f["fileSize"] = 6_000_000_000 }), 21405},
		"a field of the gateway's contract": {changed(func(b, _ m) { b["offline"] = true }), 21405},
		"a part with a file name":           {changed(func(_, f m) { part(f, 0)["fileName"] = "x" }), 21405},
	} {
		if a := r.post("/sessions/batch", c.body); a.status != http.StatusBadRequest || a.code() != c.code {
			t.Errorf("with %s the open request got HTTP %d %s, want 400 and code %d", name, a.status, a.body, c.code)
		}
	}
	big := changed(func(_, f m) { f["fileSize"] = 3_000_000_000 }) // a size that the gateway's contract cannot express
	r.ok(r.post("/sessions/batch", big), http.StatusCreated, nil)
}

func TestBatch_CloseWithoutAPart_IsRefusedAndTheSessionStaysOpen(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	sh := r.pack(zipOf(t, numbered(3)), 2, "").open()
	path := "/sessions/batch/" + sh.id + "/close"
	if a := sh.upload(0); a.status != http.StatusCreated {
		t.Fatalf("the upload of the first part got HTTP %d %s, want 201", a.status, a.body)
	}
	if a := r.post(path, nil); a.code() != 21205 {
		t.Errorf("close while a part is missing got HTTP %d %s, want code 21205", a.status, a.body)
	}
	whole := sh.parts[1]
	sh.parts[1] = whole[:16]
	sh.upload(1)
	if a := r.post(path, nil); a.code() != 21157 {
		t.Errorf("close with a part of another size than declared got HTTP %d %s, want code 21157", a.status, a.body)
	}
	sh.parts[1] = whole
	sh.upload(1)
	if a := r.post("/sessions/online/"+sh.id+"/close", nil); a.code() != 21173 {
		t.Errorf("close of a batch session at the path for online sessions got HTTP %d %s, want code 21173", a.status, a.body)
	}
	sh.close()
	if state := r.await(sh.id); state.Status.Code != 200 {
		t.Errorf("the session is %+v, want code 200", state)
	}
}

func TestBatch_PartsTooLateOrNeverClosed_CancelTheSession(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	sh := r.pack(zipOf(t, numbered(1)), 1, "").open()
	r.clock.add(20 * time.Minute)
	if a := sh.upload(0); a.status != http.StatusForbidden {
		t.Errorf("an upload 20 minutes after the open got HTTP %d %s, want 403", a.status, a.body)
	}
	r.clock.add(12 * time.Hour)
	again := r.with("").loggedIn(nipA)
	if state := again.sessionState(sh.id); state.Status.Code != 440 {
		t.Errorf("the session is %+v, want code 440", state)
	}
	if a := again.post("/sessions/batch/"+sh.id+"/close", nil); a.code() != 21208 {
		t.Errorf("the close of the cancelled session got HTTP %d %s, want code 21208", a.status, a.body)
	}
}

func TestBatch_BadArchives_FailTheSessionWithItsCode(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	files := numbered(2)
	good := tarOf(t, files)
	for name, c := range map[string]struct {
		archive     []byte
		compression string
		code        int
	}{
		"a ZIP as TarGz":         {zipOf(t, files), "TarGz", 430},
		"a TarGz as Zip":         {good, "Zip", 430},
		"a TarGz cut short":      {good[:len(good)-20], "TarGz", 430},
		"a path in a name":       {tarOf(t, []file{{"a/b.xml", files[0].content}}), "TarGz", 430},
		"two files of one name":  {tarOf(t, []file{files[0], files[0]}), "TarGz", 430},
		"a file that is not XML": {tarOf(t, []file{{"a.txt", files[0].content}}), "TarGz", 430},
		"only bad invoices":      {tarOf(t, []file{{"a.xml", "<Faktura/>"}}), "TarGz", 445},
		"an empty package":       {tarOf(t, nil), "TarGz", 445},
	} {
		sh := r.pack(c.archive, 1, c.compression).open().uploadAll().close()
		if state := r.await(sh.id); state.Status.Code != c.code || state.UPO != nil {
			t.Errorf("with %s the session ended as %+v, want code %d and no receipt", name, state, c.code)
		}
	}
	if len(r.sim.Books().Accepted) != 0 {
		t.Error("the books hold accepted invoices of a package that must be refused")
	}
}
