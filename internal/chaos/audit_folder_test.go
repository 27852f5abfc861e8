//go:build unix

package chaos

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/intake"
	"ksefworker/internal/testbed"
)

// receiptOf returns a receipt that lists one invoice.
func receiptOf(it *item, ksefNumber string) string {
	return `<Potwierdzenie><Dokument><NipSprzedawcy>` + it.nip + `</NipSprzedawcy><NumerKSeFDokumentu>` + ksefNumber +
		`</NumerKSeFDokumentu><NumerFaktury>` + it.number + `</NumerFaktury><SkrotDokumentu>` +
		base64.StdEncoding.EncodeToString(it.hash[:]) + `</SkrotDokumentu></Dokument></Potwierdzenie>`
}

func TestInboxCheck_EveryImbalance_IsReported(t *testing.T) {
	const (
		doc    = "<Faktura>1</Faktura>"
		number = "5265877635-20261123-0100001AF629-AF"
		good   = `{"id":"inv-1","nip":"n","state":"receipted","ksef_number":"` + number + `"}`
		bad    = `{"state":"refused","reason":"P_15: missing"}`
	)
	for _, c := range []struct {
		why    string
		change map[string]string // by path; "" removes the file
		says   string            // "" when it balances
	}{
		{"everything is as it must be", nil, ""},
		{"the file has a time in its name, because the name was in use", map[string]string{
			"accepted/auto/a.xml": "", "accepted/auto/a.xml.json": "", "accepted/auto/a.xml.upo.xml": "",
			"accepted/auto/a~20261123T120000.xml":      doc,
			"accepted/auto/a~20261123T120000.xml.json": good, "accepted/auto/a~20261123T120000.xml.upo.xml": "…"}, ""},
		{"a file is lost", map[string]string{"accepted/auto/a.xml": ""}, "is not in accepted"},
		{"a file is in two places", map[string]string{"refused/auto/a.xml": doc}, "nobody wrote [refused/auto/a.xml]"},
		{"a file is still in taken", map[string]string{"accepted/auto/a.xml": "", "taken/auto/a.xml": doc}, "is not in accepted"},
		{"the result names another state", map[string]string{"accepted/auto/a.xml.json": strings.ReplaceAll(good, "receipted", "accepted")},
			"its result says"},
		{"the receipt is missing", map[string]string{"accepted/auto/a.xml.upo.xml": ""}, "no such file"},
		{"the receipt does not list the invoice", map[string]string{"accepted/auto/a.xml.upo.xml": "<Potwierdzenie/>"}, "does not list"},
		{"a result without its file", map[string]string{"parked/b.xml.json": good}, "is beside no file"},
		{"the half-written file is lost", map[string]string{"refused/auto/torn-a.xml": ""}, "torn-a.xml: is not in refused"},
		{"the half-written file is refused without a reason", map[string]string{"refused/auto/torn-a.xml.json": `{"state":"refused"}`},
			"its result says"},
		{"the list of waiting files is left behind", map[string]string{"ksef-waiting.txt": "accepted/b.xml: why"},
			"nobody wrote [ksef-waiting.txt]"},
	} {
		t.Run(c.why, func(t *testing.T) {
			it := &item{nip: "n", number: "1", kind: "VAT", hash: sha256.Sum256([]byte(doc)), doc: intake.Document{Data: []byte(doc)}}
			in := &inbox{dir: t.TempDir(), drops: []drop{{item: it, path: "auto/a.xml", torn: "auto/torn-a.xml"}}}
			files := map[string]string{"accepted/auto/a.xml": doc, "accepted/auto/a.xml.json": good,
				"accepted/auto/a.xml.upo.xml": receiptOf(it, number), "refused/auto/torn-a.xml": doc[:len(doc)/2],
				"refused/auto/torn-a.xml.json": bad, ".ksef/lock": "x", "auto/.ksef.yaml": "lane: auto"}
			for name, text := range c.change {
				if strings.HasSuffix(name, "~20261123T120000.xml.upo.xml") {
					text = receiptOf(it, number)
				}
				files[name] = text
			}
			for name, text := range files {
				path := in.path(name)
				if text == "" {
					continue
				}
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			a := &archived{results: map[testbed.Invoice][]result{it.invoice(): {{ID: "inv-1", State: "receipted", KsefNumber: number}}}}
			err := errors.Join(in.check(a)...)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("the check says %v, want %q in it (\"\" for no error)", err, c.says)
			}
		})
	}
}
