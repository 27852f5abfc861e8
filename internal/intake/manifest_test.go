package intake

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/ledger"
)

func (g *gate) manifest(text string) []Admission {
	g.t.Helper()
	m := &Manifest{Name: "list.ndjson", Dir: g.t.TempDir(), MaxDocument: 1 << 20, Now: monday, Tenants: g.Accounts[:1]}
	one := withRef("FV/1", "")
	g.must(os.WriteFile(filepath.Join(m.Dir, "a.xml"), one.Data, 0o600))
	var out []Admission
	g.must(Run(g.t.Context(), g, m.Read(g.t.Context(), strings.NewReader(text)), Terms{},
		func(adms []Admission) { out = append(out, adms...) }))
	return out
}

func TestManifest_PathsAndDocuments_AreTakenEachWithItsOwnTerms(t *testing.T) {
	g := newGate(t, nil)
	xml, err := json.Marshal(string(withRef("FV/2", "").Data))
	g.must(err)
	out := g.manifest("\ufeff" + `{"path":"a.xml","ref":"SO-1","lane":"bulk"}` + "\n\n" +
		`{"xml":` + string(xml) + `,"ref":"SO-2","tenant":"` + g.Accounts[0].Name + `","offline":true}` + "\n")
	if len(out) != 2 || out[0].Taken != ledger.Created || out[1].Taken != ledger.Created {
		t.Fatalf("want both lines taken: %+v", out)
	}
	if a := out[0]; a.Ref != "SO-1" || a.Invoice.Lane != ledger.Bulk || filepath.Base(a.File) != "a.xml" || a.Invoice.Offline {
		t.Errorf("the document of the path: %+v, want ref SO-1, lane bulk, file a.xml and not offline", a)
	}
	if b := out[1]; b.Invoice.Ref != "SO-2" || b.File != "list.ndjson:3" || !b.Invoice.Offline {
		t.Errorf("the document in the line: %+v, want ref SO-2, file list.ndjson:3 and offline", b)
	}
}

// A line that names a file and is wrong in something else names the file as sound lines do.
func TestManifest_LineOfAFileAtFault_NamesTheFileInTheFolder(t *testing.T) {
	g := newGate(t, nil)
	out := g.manifest(`{"path":"a.xml","lane":"fast"}` + "\n" + `{"path":"a.xml","xml":"<a/>"}` + "\n" + `{"path":"a.xml"}`)
	if len(out) != 3 || !filepath.IsAbs(out[2].File) || out[0].File != out[2].File || out[1].File != out[2].File {
		t.Errorf("the documents are named %q, %q and %q, want the path of the file each time", out[0].File, out[1].File, out[2].File)
	}
}

func TestManifest_LineAtFault_IsRefusedByItsNumberAndTheOthersAreTaken(t *testing.T) {
	g := newGate(t, nil)
	out := g.manifest(`{"path":"a.xml","reff":"SO-1"}
not json
{"path":"none.xml","ref":"SO-3"}
{"ref":"SO-4"}
{"path":"a.xml","lane":"fast","ref":"SO-5"}
{"path":"a.xml","corrects":"inv-rejected"}
{"path":"a.xml"} {"path":"a.xml"}
["a.xml"]
{"path":1}
{"ref":"SO-9","faktura":{"Fa":{}}}
{"path":"."}
{"path":"` + "\x00" + `"}
{"path":"a.xml","ref":"SO-8"}`)
	want := []string{`unknown field "reff"`, "is not a line of a manifest", "does not exist", "neither path nor xml",
		`field lane: must be auto, express or bulk: got "fast"`, "field corrects: cannot be done over the gateway", "more than one value",
		"the line: must be a JSON object", "field path: must be a text",
		"is a line with faktura, and a manifest takes XML only; hand in an invoice as JSON over HTTP",
		"is a folder", "write the manifest in UTF-8", ""}
	if len(out) != len(want) {
		t.Fatalf("%d lines have an outcome, want %d", len(out), len(want))
	}
	for i, text := range want {
		if text == "" && out[i].Taken == ledger.Created || text != "" && out[i].Err != nil && strings.Contains(out[i].Err.Error(), text) {
			continue
		}
		t.Errorf("line %d: %s, %v; want %q", i+1, out[i].Taken, out[i].Err, text)
	}
	if out[9].Ref != "SO-9" {
		t.Errorf("the line with faktura has the ref %q, want SO-9", out[9].Ref)
	}
	if out[2].Ref != "SO-3" || out[0].File != "list.ndjson:1" {
		t.Errorf("want ref SO-3 in the third outcome and file list.ndjson:1 in the first: got %q and %q", out[2].Ref, out[0].File)
	}
}

// A ref belongs to one invoice, so a line of a manifest must not name an archive. This holds for an
// archive with any name and of any size.
func TestManifest_LineNamesAZIP_IsToldThatALineNamesOneDocument(t *testing.T) {
	g := newGate(t, nil)
	dir := t.TempDir()
	small, large, document := filepath.Join(dir, "night.dat"), filepath.Join(dir, "night.ZIP"), filepath.Join(dir, "large.xml")
	g.must(os.WriteFile(small, append([]byte("PK\x03\x04"), 0), 0o600))
	for _, path := range []string{large, document} {
		g.must(os.WriteFile(path, nil, 0o600))
		g.must(os.Truncate(path, 2<<20))
	}
	var lines []string
	for _, path := range []string{small, large, document, filepath.Join(dir, "none.zip")} {
		line, err := json.Marshal(map[string]string{"path": path})
		g.must(err)
		lines = append(lines, string(line))
	}
	out := g.manifest(strings.Join(lines, "\n"))
	const archive = "is a ZIP archive, and a line of a manifest names one document; hand in the archive itself"
	for i, want := range []string{archive, archive, "must be at most", "does not exist"} {
		if out[i].Err == nil || !strings.Contains(out[i].Err.Error(), want) {
			t.Errorf("%s: %v, want %q", lines[i], out[i].Err, want)
		}
	}
}

func TestManifest_EmptyOrTooLong_SaysSo(t *testing.T) {
	g := newGate(t, nil)
	for text, want := range map[string]string{
		"\n \n": "has no line", `{"xml":"` + strings.Repeat("x", 7<<20) + `"}`: "is a line of more than",
	} {
		if out := g.manifest(text); len(out) != 1 || out[0].Err == nil || !strings.Contains(out[0].Err.Error(), want) {
			t.Errorf("want one refusal of the manifest, with %q: %+v", want, out)
		}
	}
}
