package proof_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/proof"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
	"ksefworker/internal/sample"
)

const number = "5265877635-20250826-0100001AF629-AF"

var made = time.Date(2026, 11, 26, 9, 30, 11, 0, time.UTC)

// accepted returns an invoice with everything that proves it.
func accepted(t *testing.T) proof.Evidence {
	t.Helper()
	doc := sample.Invoice(sample.Options{Number: "FV/1 <b>&", IssueDate: "2026-11-26", Lines: 3})
	h, err := invoice.Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	link, err := invoice.VerificationURL("test", h.SellerNIP, h.IssueDate, h.Hash)
	if err != nil {
		t.Fatal(err)
	}
	r := results.Result{ID: "inv-a", NIP: h.SellerNIP, Number: h.Number, Kind: h.Kind, IssueDate: h.IssueDate, State: "receipted",
		Hash: records.HashOf(doc), KsefNumber: number, VerificationURL: link, UPO: "file:///a/5265877635/2026-11/upo/s.xml"}
	upo := fmt.Appendf(nil, `<Potwierdzenie xmlns="http://upo.schematy.mf.gov.pl/KSeF/v4-3"><NumerReferencyjnySesji>S-1</NumerReferencyjnySesji>`+
		`<Dokument><NipSprzedawcy>%s</NipSprzedawcy><NumerKSeFDokumentu>%s</NumerKSeFDokumentu><NumerFaktury>FV/1</NumerFaktury>`+
		`<DataNadaniaNumeruKSeF>2026-11-26T10:02:42.084+01:00</DataNadaniaNumeruKSeF><SkrotDokumentu>%s</SkrotDokumentu></Dokument></Potwierdzenie>`,
		r.NIP, number, r.Hash)
	parsed, err := ksef.ParseReceipt(upo)
	if err != nil {
		t.Fatal(err)
	}
	return proof.Evidence{Result: r, Document: doc, UPO: records.Receipt{Name: "x", Raw: upo, Parsed: parsed}, Made: made}
}

// unpack writes a proof and returns its files.
func unpack(t *testing.T, e proof.Evidence) map[string][]byte {
	t.Helper()
	var raw bytes.Buffer
	if err := proof.Write(&raw, e); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(raw.Bytes()), int64(raw.Len()))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestWrite_AcceptedInvoice_HasEverythingAndIsWhole(t *testing.T) {
	e := accepted(t)
	if all := e.Findings(); !proof.Holds(all) || len(all) != 5 {
		t.Errorf("the findings are %+v, want five that all agree", all)
	}
	files := unpack(t, e)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"faktura.html", "faktura.xml", "kod-i.png", "kod-i.txt", "przeczytaj.html", "sumy.sha256", "upo.xml",
		"wynik.json"}; !slices.Equal(names, want) {
		t.Fatalf("the ZIP has the files %v, want %v", names, want)
	}
	if !bytes.Equal(files["faktura.xml"], e.Document) || !bytes.Equal(files["upo.xml"], e.UPO.Raw) {
		t.Error("the document or the receipt differs from that of the archive")
	}
	var r results.Result
	if err := json.Unmarshal(files["wynik.json"], &r); err != nil || !reflect.DeepEqual(r, e.Result) {
		t.Errorf("the result in the ZIP is %+v, want that of the evidence; %v", r, err)
	}
	if text := string(files["kod-i.txt"]); text != e.Result.VerificationURL+"\n"+number+"\n" {
		t.Errorf("kod-i.txt has the text %q, want the link and the KSeF number", text)
	}
	var twice [2]bytes.Buffer
	for i := range twice {
		if err := proof.Write(&twice[i], e); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(twice[0].Bytes(), twice[1].Bytes()) {
		t.Error("the same evidence gave different bytes")
	}
}

// The commands that the page tells people to type are run as they stand there.
func TestPage_ItsCommands_ConfirmTheHashOfTheReceipt(t *testing.T) {
	e := accepted(t)
	files := unpack(t, e)
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := func(id string) string {
		found := regexp.MustCompile(`<pre id="` + id + `">([^<]*)</pre>`).FindSubmatch(files["przeczytaj.html"])
		if found == nil {
			t.Fatalf("the page has no command %s", id)
		}
		return html.UnescapeString(string(found[1]))
	}
	run := func(tool, line string) string {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s on this machine", tool)
		}
		cmd := exec.Command("sh", "-c", line)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("the command %s failed: %v\n%s", line, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	t.Run("all files", func(t *testing.T) {
		out := run("sha256sum", command("sums"))
		if n := strings.Count(out, ": OK"); n != len(files)-1 {
			t.Errorf("%d of %d files are confirmed, want all:\n%s", n, len(files)-1, out)
		}
	})
	t.Run("document", func(t *testing.T) {
		got := run("openssl", command("linux"))
		if got != e.Result.Hash || !strings.Contains(html.UnescapeString(string(files["przeczytaj.html"])), "<b>"+got+"</b>") {
			t.Errorf("the command prints %q, want the hash %q, which the page shows in bold", got, e.Result.Hash)
		}
	})
}

func TestFindings_SomethingDoesNotAgree_IsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*proof.Evidence)
		want  string
	}{
		"another document": {func(e *proof.Evidence) { e.Document = append(slices.Clone(e.Document), ' ') }, "SkrotDokumentu"},
		"no document":      {func(e *proof.Evidence) { e.Document = nil }, "nie ma dokumentu"},
		"no receipt yet": {func(e *proof.Evidence) { e.UPO, e.Result.UPO = records.Receipt{}, "" },
			"nie ma jeszcze UPO"},
		"a receipt that the archive has lost": {func(e *proof.Evidence) { e.UPO = records.Receipt{} },
			"albo jest uszkodzone"},
		"a receipt without the invoice": {func(e *proof.Evidence) { e.UPO.Parsed.Lines = nil }, "UPO wymienia numer KSeF"},
		"another seller's KSeF number":  {func(e *proof.Evidence) { e.Result.NIP = "1111111111" }, "Numer KSeF jest poprawny"},
		"no KSeF number": {func(e *proof.Evidence) { e.Result.KsefNumber, e.Result.State = "", "rejected" },
			"nie ma numeru KSeF (stan: Odrzucona przez KSeF)"},
	} {
		e := accepted(t)
		c.spoil(&e)
		all := e.Findings()
		bad := slices.ContainsFunc(all, func(f proof.Finding) bool { return !f.OK && strings.Contains(f.What, c.want) })
		if proof.Holds(all) || !bad {
			t.Errorf("%s: no finding says what does not agree: %+v", name, all)
		}
		files := unpack(t, e)
		if page := string(files["przeczytaj.html"]); !strings.Contains(page, "niezgodne") {
			t.Errorf("%s: the page does not say that something does not agree", name)
		}
		if _, has := files["faktura.xml"]; has != (e.Document != nil) {
			t.Errorf("%s: faktura.xml is in the ZIP: %v, want %v", name, has, e.Document != nil)
		}
	}
}

func TestWrite_RejectedInvoice_SaysThatItProvesNoIssue(t *testing.T) {
	e := accepted(t)
	e.UPO = records.Receipt{}
	e.Result.State, e.Result.KsefNumber, e.Result.VerificationURL = "rejected", "", ""
	e.Result.Code, e.Result.Reason = 450, "Błąd weryfikacji semantyki dokumentu faktury: <P_15>"
	files := unpack(t, e)
	page := string(files["przeczytaj.html"])
	for _, want := range []string{"Ta faktura nie ma numeru KSeF", "Błąd weryfikacji semantyki dokumentu faktury. Plik jest czytelny",
		"Zapisana przyczyna: Błąd weryfikacji semantyki dokumentu faktury: &lt;P_15&gt;", "jaką przekazano do wysyłki"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, name := range []string{"kod-i.png", "kod-i.txt", "upo.xml"} {
		if _, there := files[name]; there || strings.Contains(page, name) {
			t.Errorf("%s is in the ZIP, or the page names it, want neither", name)
		}
	}
}

func TestForm_EveryValueOfTheDocument_IsShownAndEscaped(t *testing.T) {
	e := accepted(t)
	form := string(unpack(t, e)["faktura.html"])
	if strings.Contains(form, "<b>&") || !strings.Contains(form, "FV/1 &lt;b&gt;&amp;") {
		t.Error("a number with markup in it is not escaped")
	}
	text := html.UnescapeString(form)
	for _, m := range regexp.MustCompile(`>([^<>]+)</`).FindAllSubmatch(e.Document, -1) {
		if value := strings.TrimSpace(html.UnescapeString(string(m[1]))); !strings.Contains(text, value) {
			t.Errorf("the form lacks %q", value)
		}
	}
	for _, want := range []string{"Sprzedawca", "Nabywca", "Pozycje", "Podsumowanie stawek", "Kwota należności ogółem (P_15)", "PLN",
		"data:image/png;base64,", number, "To jest wizualizacja"} {
		if !strings.Contains(text, want) {
			t.Errorf("the form lacks %q", want)
		}
	}
	// In Poland the amount 11607.80 is written 11 607,80. The list of all fields keeps the spelling
	// of the document.
	if !regexp.MustCompile(`\(P_15\): \d{1,3}(\x{a0}\d{3})*,\d\d PLN<`).MatchString(form) {
		t.Error("the amount is not written as in Poland")
	}
	if n := strings.Count(form, "Fa/FaWiersz["); n < 3 {
		t.Errorf("the form has %d values of lines, want at least 3", n)
	}
	for _, outside := range []string{"<script", "src=\"http", "<link", "@import", "url("} {
		if strings.Contains(form, outside) {
			t.Errorf("the form contains %q, want nothing from outside", outside)
		}
	}
}

// Every kind of invoice has a form with a title of its own, also when it has an attachment.
func TestForm_EachKind_HasItsTitle(t *testing.T) {
	for kind, title := range map[string]string{
		"VAT": "Faktura ", "KOR": "Faktura korygująca ", "ZAL": "Faktura zaliczkowa ", "ROZ": "Faktura rozliczeniowa ",
		"UPR": "Faktura uproszczona ", "KOR_ZAL": "Faktura korygująca fakturę zaliczkową ",
		"KOR_ROZ": "Faktura korygująca fakturę rozliczeniową ",
	} {
		e := accepted(t)
		e.Document = sample.Invoice(sample.Options{Kind: kind, Attachment: true, Number: "N/1"})
		if form := string(unpack(t, e)["faktura.html"]); !strings.Contains(form, "<h1>"+title+"N/1</h1>") {
			t.Errorf("the form of kind %s does not have the title of its kind: %.300s", kind, form)
		}
	}
}

func TestWrite_DocumentWithoutAReadableForm_IsProvenAllTheSame(t *testing.T) {
	for name, doc := range map[string]string{
		"a document type": `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`,
		"too deep":        strings.Repeat("<a>", 400) + strings.Repeat("</a>", 400),
		"not closed":      "<a><b></b>",
		"no element":      " ",
	} {
		e := accepted(t)
		e.Document = []byte(doc)
		files := unpack(t, e)
		if _, there := files["faktura.html"]; there || !bytes.Equal(files["faktura.xml"], e.Document) ||
			!strings.Contains(string(files["przeczytaj.html"]), "Nie udało się sporządzić czytelnej postaci dokumentu: read invoice: ") {
			t.Errorf("%s: the ZIP has a form, lacks the document, or does not say why there is no form", name)
		}
	}
}
