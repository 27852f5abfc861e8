package fa

import (
	"fmt"
	"strings"
	"testing"

	"ksefworker/internal/invoice/schema/schematest"
	"ksefworker/internal/simulator/fa/fatest"
)

// shown describes what the checks use of a document.
func (d *document) shown() string {
	return fmt.Sprintf("%q %q %q %q %q %q %t %t %q %q",
		d.namespace, d.root, d.systemCode, d.schema, d.texts, d.thirdNIPs, d.attachment, d.instruction, d.broken, d.unexpected)
}

// sameAsXML checks that plain leaves a document alone or reads it as encoding/xml does, and reports
// whether plain read it.
func sameAsXML(t *testing.T, content []byte, f *Form) bool {
	t.Helper()
	quick := newReader(f)
	if !quick.plain(content) {
		return false
	}
	full := newReader(f)
	if err := full.xml(content); err != nil {
		t.Errorf("plain reads what encoding/xml refuses: %v\n%s", err, content)
		return true
	}
	if a, b := quick.d.shown(), full.d.shown(); a != b {
		t.Errorf("plain reads\n%s\nand encoding/xml\n%s\nin\n%s", a, b, content)
	}
	return true
}

func TestPlain_SampleOfAllDocuments_IsReadAsByEncodingXML(t *testing.T) {
	for root, version := range []string{"v3", "v2"} {
		form := Forms()[version]
		read, all := 0, 0
		for d := range schematest.Sample(root) {
			all++
			if sameAsXML(t, d.Data(), form) {
				read++
			}
		}
		t.Logf("%s: plain reads %d of %d documents", version, read, all)
		if read < all/2 || read == all {
			t.Errorf("%s: plain reads %d of %d documents, want at least half, but not all", version, read, all)
		}
	}
}

func TestPlain_OneByteChanged_IsReadAsByEncodingXMLOrLeftAlone(t *testing.T) {
	good, form := fatest.Invoice(fatest.SellerA, "FV/1", fatest.Today), Forms()["v3"]
	if !sameAsXML(t, []byte(good), form) {
		t.Fatal("plain does not read a usual invoice")
	}
	for i := range len(good) {
		for _, c := range "<>&\"'/:;=![]?-. \t\n\r\x00\x1f0aA_\x7f" {
			sameAsXML(t, []byte(good[:i]+string(c)+good[i+1:]), form)
			sameAsXML(t, []byte(good[:i]+string(c)+good[i:]), form)
		}
		sameAsXML(t, []byte(good[:i]), form)
		sameAsXML(t, []byte(good[:i]+good[i+1:]), form)
	}
}

func FuzzPlain_AnyBytes_ReadAsByEncodingXMLOrLeftAlone(f *testing.F) {
	good := fatest.Invoice(fatest.SellerA, "FV/1", fatest.Today)
	for _, text := range []string{
		good, strings.ReplaceAll(good, "&amp;", "&#38;"), strings.ReplaceAll(good, "<", "<tns:"),
		`<a b="c" d="&lt;"/>`, "<a>]]></a>", "<a:b:c/>", "<a\xc4\x85/>", "<a>\uffff</a>", `<a b="1"c="2"/>`, "<a ></a >", "<-/>", "<a/><b/>",
		`<a xmlns:x="u" x:b="1" x:b="2"/>`, "<a.-1/>", "<a:/>", "<:a/>", "<a:1/>", "<?xml version=\"1.0\" encoding=\"UTF-8\"?> <a> </a> &amp;",
	} {
		f.Add([]byte(text))
	}
	form := Forms()["v3"]
	f.Fuzz(func(t *testing.T, content []byte) {
		sameAsXML(t, content, form)
	})
}
