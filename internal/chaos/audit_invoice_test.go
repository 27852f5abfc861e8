package chaos

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/simulator"
)

// invoiceCase is one invoice as the exporter, KSeF and the archive know it.
type invoiceCase struct {
	item     *item
	accepted []simulator.Accepted
	rejected []simulator.Rejected
	files    map[string]string // of the archive, by name
}

func (c *invoiceCase) replace(file, old, by string) {
	c.files[file] = strings.ReplaceAll(c.files[file], old, by)
}

// balanced returns an invoice that was accepted once, and all files that the archive in dir must
// have of it.
func balanced(dir string) *invoiceCase {
	const number = "5265877635-20261123-0100001AF629-AF"
	doc := "<Faktura/>"
	hash := sha256.Sum256([]byte(doc))
	return &invoiceCase{
		item: &item{nip: "n", number: "1", kind: "VAT", hash: hash},
		accepted: []simulator.Accepted{{
			NIP: "n", Kind: "VAT", Number: "1", KsefNumber: number, Hash: hex.EncodeToString(hash[:]), Session: "S1", At: time.Now(),
		}},
		files: map[string]string{
			"i.xml": doc,
			"i.json": fmt.Sprintf(`{"nip":"n","kind":"VAT","number":"1","state":"receipted","ksef_number":%q,"upo":"file://%s/upo.xml"}`,
				number, dir),
			"upo.xml": fmt.Sprintf(`<Potwierdzenie xmlns="http://upo.schematy.mf.gov.pl/KSeF/v4-3">`+
				`<NumerReferencyjnySesji>S1</NumerReferencyjnySesji><Dokument><NipSprzedawcy>n</NipSprzedawcy>`+
				`<NumerKSeFDokumentu>%s</NumerKSeFDokumentu><NumerFaktury>1</NumerFaktury>`+
				`<SkrotDokumentu>%s</SkrotDokumentu></Dokument></Potwierdzenie>`,
				number, base64.StdEncoding.EncodeToString(hash[:])),
		},
	}
}

// Each case gives the audit an invoice that is in order, or that has one of the faults that the
// audit looks for. The audit must report each fault.
func TestCheckInvoice_EveryImbalance_IsReported(t *testing.T) {
	const rejected = `{"nip":"n","kind":"VAT","number":"1","state":"rejected","code":450,"reason":"P_15: missing"}`
	for _, c := range []struct {
		why   string
		alter func(*invoiceCase)
		says  string // "" when it balances
	}{
		{"accepted once, everything archived", func(*invoiceCase) {}, ""},
		{"never arrived", func(c *invoiceCase) { c.accepted = nil }, "accepted it 0 times"},
		{"accepted twice", func(c *invoiceCase) { c.accepted = append(c.accepted, c.accepted[0]) }, "accepted it 2 times"},
		{"sent again after it was accepted", func(c *invoiceCase) {
			c.rejected = []simulator.Rejected{{Code: 440, Session: "S2"}}
		}, "sent again"},
		{"KSeF has other bytes", func(c *invoiceCase) { c.accepted[0].Hash = "00" }, "other bytes"},
		{"no result archived", func(c *invoiceCase) { delete(c.files, "i.json") }, "0 results"},
		{"another KSeF number archived", func(c *invoiceCase) { c.replace("i.json", "-AF", "-AE") }, "the archive says"},
		{
			"accepted, but never receipted", func(c *invoiceCase) { c.replace("i.json", "receipted", "accepted") },
			"the archive says accepted",
		},
		{"no document archived", func(c *invoiceCase) { delete(c.files, "i.xml") }, "archived document"},
		{"another document archived", func(c *invoiceCase) { c.files["i.xml"] = "<Faktura></Faktura>" }, "not what was handed in"},
		{"no receipt archived", func(c *invoiceCase) { delete(c.files, "upo.xml") }, "its receipt"},
		{"the receipt is of another session", func(c *invoiceCase) { c.accepted[0].Session = "S2" }, "is of session S1"},
		{"the receipt attests another hash", func(c *invoiceCase) {
			c.replace("upo.xml", "<SkrotDokumentu>", "<SkrotDokumentu>x")
		}, "attests"},
		{"the receipt does not list the invoice", func(c *invoiceCase) { c.replace("upo.xml", "-AF", "-AE") }, "does not list"},
		{"the receipt splits the KSeF number and has other white space in the invoice's number", func(c *invoiceCase) {
			c.replace("upo.xml", "0100001AF629", "010000-1AF629")
			c.replace("upo.xml", "<NumerFaktury>1<", "<NumerFaktury>1\u00a0<")
		}, ""},
		{
			"the result splits the KSeF number", func(c *invoiceCase) { c.replace("i.json", "0100001AF629", "010000-1AF629") },
			"the archive says",
		},
		{"the receipt is in a bucket", func(c *invoiceCase) {
			c.files["i.json"] = regexp.MustCompile(`file://[^"]*/upo.xml`).ReplaceAllString(c.files["i.json"], "s3://receipts/upo.xml")
		}, ""},
		{"parked, and nothing in the run explains it", func(c *invoiceCase) {
			c.accepted = nil
			c.replace("i.json", "receipted", "parked")
		}, "parked"},
		{"a bad invoice is accepted", func(c *invoiceCase) { c.item.bad = true }, "is bad, and KSeF accepted"},
		{"a bad invoice is rejected with KSeF's code", func(c *invoiceCase) {
			c.item.bad, c.accepted, c.rejected = true, nil, []simulator.Rejected{{Code: 450}}
			c.files["i.json"] = rejected
		}, ""},
		{"a bad invoice is rejected with a code that KSeF never gave", func(c *invoiceCase) {
			c.item.bad, c.accepted = true, nil
			c.files["i.json"] = rejected
		}, "rejected with 450"},
	} {
		t.Run(c.why, func(t *testing.T) {
			dir := t.TempDir()
			ic := balanced(dir)
			c.alter(ic)
			for name, text := range ic.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			archive, err := readArchive(dir)
			if err != nil {
				t.Fatal(err)
			}
			err = checkInvoice(&Figures{}, ic.item, ic.accepted, ic.rejected, archive)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("the check says %v, want %q in it (\"\" for no error)", err, c.says)
			}
		})
	}
}
