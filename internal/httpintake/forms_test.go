package httpintake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// readQR returns the text in the image of a QR code.
func readQR(t *testing.T, raw []byte) string {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	text, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil {
		t.Fatal(err)
	}
	return text.GetText()
}

func TestQR_Invoice_IsTheCodeOfItsVerificationLink(t *testing.T) {
	b := newBench(t, nil)
	id := b.take(0, "FV/1", "")
	want := b.call("GET", "/v1/invoices/"+id, nil).body.VerificationURL
	a := b.call("GET", "/v1/invoices/"+id+"/qr.png", nil)
	if b.want(a, http.StatusOK, ""); a.head.Get("Content-Type") != "image/png" || want == "" || readQR(t, a.raw) != want {
		t.Errorf("the answer has the head %v and the text %s, want %s", a.head, readQR(t, a.raw), want)
	}
	other := []string{"Authorization", "Bearer " + keyTwo}
	b.want(b.call("GET", "/v1/invoices/"+id+"/qr.png", nil, other...), http.StatusNotFound, "not-found")
	b.want(b.call("GET", "/v1/invoices/"+id+"/pdf", nil, other...), http.StatusNotFound, "not-found")
	parked := b.take(0, "FV/2", "")
	b.move(ledger.Rejected, ledger.Because(450, "x"), id)
	b.move(ledger.Parked, ledger.Because(440, "x"), parked)
	for id, want := range map[string]map[string]string{
		id:     {"en": "KSeF rejected this invoice", "pl": "KSeF odrzucił tę fakturę"},
		parked: {"en": "may be unknown whether KSeF has it", "pl": "może nie być wiadomo, czy jest w KSeF"},
	} {
		for language, says := range want {
			gone := b.call("GET", "/v1/invoices/"+id+"/qr.png", nil, "Accept-Language", language)
			if b.want(gone, http.StatusNotFound, "not-found"); !strings.Contains(gone.body.Detail, says) {
				t.Errorf("the answer about the QR code says %q, want %q in it", gone.body.Detail, says)
			}
		}
	}
}

func TestPDF_GatewayMakesItOrNot_IsAnsweredWithTheFormOrWithWords(t *testing.T) {
	var answer error
	var asked []string
	b := newBench(t, func(o *Options) {
		o.PDF = func(_ context.Context, inv *ledger.Invoice, document []byte, language string) ([]byte, error) {
			asked = append(asked, inv.Tenant, string(document), language)
			return []byte("%PDF-1.4"), answer
		}
	})
	id := b.take(0, "FV/1", "")
	path := "/v1/invoices/" + id + "/pdf"
	a := b.call("GET", path, nil, "Accept-Language", "pl")
	if b.want(a, http.StatusOK, ""); string(a.raw) != "%PDF-1.4" || a.head.Get("Content-Type") != "application/pdf" ||
		asked[0] != "one" || asked[1] != string(xmlOf(0, "FV/1")) || asked[2] != "pl" {
		t.Errorf("the answer is %q with the head %v, and the gateway was asked for %.80q; want its PDF of FV/1 for tenant one in Polish",
			a.raw, a.head, asked)
	}
	for _, tt := range []struct {
		err    error
		status int
		detail string
	}{
		{&NoPDFError{}, 404, "does not send over the gateway"},
		{&NoPDFError{Why: "no template"}, 404, "makes no PDF of it: no template"},
		{errors.New("secret address"), 503, "ask again"},
	} {
		answer = tt.err
		a := b.call("GET", path, nil)
		if a.status != tt.status || !strings.Contains(a.body.Detail, tt.detail) || strings.Contains(string(a.raw), "secret") {
			t.Errorf("with the error %v of the gateway, the answer is %d %s, want %d and %q, and not the word secret",
				tt.err, a.status, a.raw, tt.status, tt.detail)
		}
	}
	none := newBench(t, nil)
	a = none.call("GET", "/v1/invoices/"+none.take(0, "FV/1", "")+"/pdf", nil)
	none.want(a, http.StatusNotFound, "not-found")
}

// generator stands for the gateway.
type generator func(tenant string, faktura []byte) ([]byte, error)

func (g generator) Generate(_ context.Context, tenant string, faktura []byte) ([]byte, error) {
	return g(tenant, faktura)
}

func fakturaOf(nip any, number string) map[string]any {
	return map[string]any{
		"Podmiot1": map[string]any{"DaneIdentyfikacyjne": map[string]any{"NIP": nip}},
		"Fa":       map[string]any{"P_2": number},
	}
}

// The gateway makes a document with a fault. The sender has no lines and columns of that document,
// so the refusal names the field alone. A fault in XML that the sender wrote has its place.
func TestSubmit_FaultInXMLOfAFaktura_HasNoPlace(t *testing.T) {
	wrong := bytes.Replace(xmlOf(0, "FV/1"), []byte("<P_1>"), []byte("<P_1>x"), 1)
	b := newBench(t, func(o *Options) {
		o.Generator = generator(func(string, []byte) ([]byte, error) { return wrong, nil })
	})
	a := b.call("POST", "/v1/invoices", jsonOf(t, map[string]any{"faktura": fakturaOf(nil, "FV/1")}, map[string]any{"xml": string(wrong)}),
		"Content-Type", "application/json")
	for i, want := range []bool{false, true} {
		r := a.body.Items[i].Refusal
		if r == nil || len(r.Faults) == 0 || (r.Faults[0].Line > 0) != want || strings.Contains(r.Detail, "line") != want {
			t.Errorf("document %d is refused with %+v, want a place in the document: %v", i, r, want)
		}
	}
}

func TestSubmit_Faktura_BecomesXMLThroughTheGatewayOrIsRefusedWithWords(t *testing.T) {
	calls, down := 0, false
	b := newBench(t, func(o *Options) {
		o.Generator = generator(func(tenant string, faktura []byte) ([]byte, error) {
			var f struct{ Fa struct{ P_2 string } }
			if calls++; tenant != "one" {
				t.Errorf("XML was asked of the gateway for tenant %s, want one", tenant)
			}
			if err := json.Unmarshal(faktura, &f); err != nil {
				t.Error(err)
			}
			switch {
			case down:
				return nil, intake.GenerationFailed(errors.New("secret address"))
			case f.Fa.P_2 == "":
				return nil, intake.NotGenerated("P_2 is missing")
			}
			return xmlOf(0, f.Fa.P_2), nil
		})
	})
	post := func(docs ...map[string]any) answer {
		return b.call("POST", "/v1/invoices", jsonOf(t, docs...), "Content-Type", "application/json")
	}
	a := post(map[string]any{"ref": "SO-1", "faktura": fakturaOf("5265877635", "FV/1")}, map[string]any{"faktura": fakturaOf(nil, "")},
		map[string]any{"faktura": []int{1}}, map[string]any{"faktura": fakturaOf(nil, "FV/2"), "xml": "<a/>"})
	b.want(a, http.StatusMultiStatus, "")
	for i, want := range []string{"", "P_2 is missing", "neither XML nor one JSON object", "only once"} {
		it := a.body.Items[i]
		if want == "" && it.State != "queued" || want != "" && (it.Refusal == nil || !strings.Contains(it.Refusal.Detail, want)) {
			t.Errorf("item %d is %+v with the refusal %+v, want it refused with %q (\"\" for queued)", i, it, it.Refusal, want)
		}
	}
	if xml := b.call("GET", a.body.Items[0].Links.XML, nil); string(xml.raw) != string(xmlOf(0, "FV/1")) || a.body.Items[0].Ref != "SO-1" {
		t.Errorf("the document should be the XML of the gateway, with ref SO-1: %s", xml.raw)
	}
	down, calls = true, 0
	a = post(map[string]any{"faktura": fakturaOf(nil, "FV/3")}, map[string]any{"faktura": fakturaOf(nil, "FV/4")},
		map[string]any{"xml": string(xmlOf(0, "FV/5"))})
	b.want(a, http.StatusMultiStatus, "")
	if calls != 1 || !a.body.Items[0].Refusal.TryAgain || !a.body.Items[1].Refusal.TryAgain || a.body.Items[2].State != "queued" ||
		strings.Contains(string(a.raw), "secret") {
		t.Errorf("want one call to the gateway, and its two documents to be tried again: %d calls, %s", calls, a.raw)
	}
	plain := newBench(t, nil)
	a = plain.call("POST", "/v1/invoices", jsonOf(t, map[string]any{"faktura": fakturaOf(nil, "FV/1")}), "Content-Type", "application/json")
	if plain.want(a, http.StatusUnprocessableEntity, "refused"); !strings.Contains(a.body.Items[0].Refusal.Detail,
		"hand in the FA(3) document as XML") {
		t.Errorf("the answer does not say to hand the document in as XML: %s", a.raw)
	}
}

// While the gateway is away, the answer says "try again" only about documents of tenants that use
// the gateway.
func TestSubmit_GatewayIsAway_ConcernsOnlyTheTenantsThatUseIt(t *testing.T) {
	calls := 0
	b := newBench(t, func(o *Options) {
		o.Clients[0].Tenants = []string{"one", "two"}
		o.Generator = generator(func(tenant string, _ []byte) ([]byte, error) {
			if tenant == "two" {
				return nil, intake.NoGeneration(tenant)
			}
			calls++
			return nil, intake.GenerationFailed(errors.New("no answer"))
		})
	})
	one, two := fakturaOf(sample.NIP(0), "FV/1"), fakturaOf(sample.NIP(1), "FV/2")
	a := b.call("POST", "/v1/invoices", jsonOf(t, map[string]any{"faktura": one}, map[string]any{"faktura": two},
		map[string]any{"faktura": one, "tenant": "one"}), "Content-Type", "application/json")
	b.want(a, http.StatusUnprocessableEntity, "refused")
	for i, again := range []bool{true, false, true} {
		if r := a.body.Items[i].Refusal; r.TryAgain != again || strings.Contains(r.Detail, "sends to KSeF itself") == again {
			t.Errorf("the refusal of item %d should say to try again only if its tenant uses the gateway: %+v", i, r)
		}
	}
	if calls != 1 {
		t.Errorf("the gateway was asked %d times in one call, want once", calls)
	}
	if want := "hand those with try_again in again later"; !strings.Contains(a.body.Detail, want) {
		t.Errorf("the detail does not say what to try again: %q", a.body.Detail)
	}
}

// While the gateway hangs, calls that wait for the gateway take no places from calls that do not
// need it.
func TestSubmit_GatewayHangs_OtherLargeCallsAreRead(t *testing.T) {
	for name, padding := range map[string]int{"in memory": 0, "in a file": 2 * inMemory} {
		t.Run(name, func(t *testing.T) {
			asked, over := make(chan string, 100), make(chan struct{})
			b := newBench(t, func(o *Options) {
				o.Generator = generator(func(tenant string, _ []byte) ([]byte, error) {
					asked <- tenant
					<-over
					return nil, intake.GenerationFailed(errors.New("no answer"))
				})
			})
			document := map[string]any{"faktura": fakturaOf(nil, "FV/1")}
			large := jsonOf(t, document, map[string]any{"xml": strings.Repeat("x", padding)})
			var waiting sync.WaitGroup
			for i, key := range []string{keyOne, keyTwo, keyOne, keyTwo} {
				waiting.Go(func() {
					a := b.call("POST", "/v1/invoices", large, "Content-Type", "application/json", "Authorization", "Bearer "+key)
					if b.want(a, http.StatusUnprocessableEntity, "refused"); !a.body.Items[0].Refusal.TryAgain {
						t.Errorf("call %d should be told to try again: %s", i, a.raw)
					}
				})
			}
			for range 4 {
				<-asked
			}
			for i, key := range []string{keyOne, keyTwo} {
				number := fmt.Sprint("FV/", 2+i)
				a := b.call("POST", "/v1/invoices", zipOf(t, "a.xml", string(xmlOf(i, number))), "Content-Type", "application/zip",
					"Authorization", "Bearer "+key)
				b.want(a, http.StatusAccepted, "")
				plain := jsonOf(t, map[string]any{"xml": string(xmlOf(i, "J"+number))}, map[string]any{"xml": strings.Repeat("x", padding)})
				a = b.call("POST", "/v1/invoices", plain, "Content-Type", "application/json", "Authorization", "Bearer "+key)
				b.want(a, http.StatusMultiStatus, "")
			}
			close(over)
			waiting.Wait()
		})
	}
}

func TestBody_NamesFaktura_IsNeverMissed(t *testing.T) {
	for text, want := range map[string]bool{
		`"faktura":{}`: true, `"Faktura":{}`: true, `"FA` + "\u212a" + `TURA":{}`: true, `"\u0066aktura":{}`: true, `"fak\u0054ura":{}`: true,
		`"fa\u212Atura":{}`: true, `"xml":"\u003cFaktura\u003e"`: false, `"xml":"<Faktura a=\"faktura\">"`: false, `"ref":"ż"`: false,
	} {
		for _, before := range []int{0, 64<<10 - 40, 64<<10 - 5, 64 << 10, 128<<10 - 40} {
			raw := []byte(strings.Repeat(" ", before) + text + strings.Repeat(" ", 100))
			b := &body{at: bytes.NewReader(raw), size: int64(len(raw))}
			if got := b.namesFaktura(); got != want {
				t.Errorf("namesFaktura of %s behind %d bytes = %v, want %v", text, before, got, want)
			}
		}
	}
}
