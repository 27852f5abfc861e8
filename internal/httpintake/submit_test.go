package httpintake

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

func TestSubmit_OneXML_IsDurableWhenTheAnswerSaysSo(t *testing.T) {
	b := newBench(t, nil)
	a := b.post(xmlOf(0, "FV/1"), "?ref=SO-1&lane=bulk", "X-Request-Id", "my-call.1")
	b.want(a, http.StatusAccepted, "")
	it := a.body.Items[0]
	if a.body.Taken != 1 || it.State != "queued" || it.Ref != "SO-1" || it.Number != "FV/1" || it.Tenant != "one" || it.AlreadyHere ||
		it.Links.Self != "/v1/invoices/"+it.ID || a.head.Get("X-Request-Id") != "my-call.1" {
		t.Errorf("the answer lacks what was handed in, or the id of the call: %s, head %v", a.raw, a.head)
	}
	inv, err := b.o.Ledger.Invoice(t.Context(), it.ID)
	if err != nil || inv.Lane != ledger.Bulk || inv.Ref != "SO-1" {
		t.Errorf("the ledger has %+v, %v, want lane bulk and ref SO-1", inv, err)
	}
	again := b.post(xmlOf(0, "FV/1"), "?ref=SO-1")
	if b.want(again, http.StatusAccepted, ""); !again.body.Items[0].AlreadyHere || again.body.Items[0].ID != it.ID {
		t.Errorf("handed in again, the document should be already here: %s", again.raw)
	}
	got := b.call("GET", it.Links.Self, nil)
	if b.want(got, http.StatusOK, ""); got.body.ID != it.ID || got.body.Result.Ref != "SO-1" || got.body.Result.State != "queued" {
		t.Errorf("a call for the invoice is answered with %s, want its id, ref SO-1 and state queued", got.raw)
	}
	if xml := b.call("GET", it.Links.XML, nil); xml.status != 200 || !bytes.Equal(xml.raw, xmlOf(0, "FV/1")) {
		t.Errorf("a call for the document is answered with status %d and %d bytes, want the document itself", xml.status, len(xml.raw))
	}
	b.want(b.call("GET", it.Links.UPO, nil), http.StatusNotFound, "not-found")
}

func TestSubmit_DocumentAtFault_IsRefusedWithFieldRuleValueAndPlace(t *testing.T) {
	b := newBench(t, nil)
	a := b.post(bytes.Replace(xmlOf(0, "FV/1"), []byte("<P_1>2026-11-23"), []byte("<P_1>2049-12-31"), 1), "?ref=SO-1")
	b.want(a, http.StatusUnprocessableEntity, "refused")
	r := a.body.Items[0].Refusal
	if len(r.Faults) == 0 || r.Faults[0].Field != "P_1" || r.Faults[0].Value != "2049-12-31" || r.Faults[0].Line == 0 || r.TryAgain {
		t.Errorf("the refusal does not name P_1 with its value and line: %s", a.raw)
	}
	// The sender's program asks by the ref of the document, and learns the same.
	found := b.call("GET", "/v1/invoices?ref=SO-1", nil)
	if len(found.body.Items) != 1 || found.body.Items[0].State != "refused" || !strings.Contains(found.body.Items[0].Reason, "P_1") {
		t.Errorf("a call with the ref of the refused document is answered with %s, want it refused for P_1", found.raw)
	}
	b.take(0, "FV/1", "?ref=SO-1")
	if found = b.call("GET", "/v1/invoices?ref=SO-1", nil); len(found.body.Items) != 1 || found.body.Items[0].State != "queued" {
		t.Errorf("after the document was corrected, its ref should find one queued invoice: %s", found.raw)
	}
	if n, err := b.o.Ledger.OpenRefusals(t.Context()); n != 0 || err != nil {
		t.Errorf("%d refusals are open, %v, want none", n, err)
	}
}

func TestSubmit_RefOfAnotherInvoice_IsRefused(t *testing.T) {
	b := newBench(t, nil)
	id := b.take(0, "FV/1", "?ref=SO-1")
	a := b.post(xmlOf(0, "FV/2"), "?ref=SO-1")
	if b.want(a, http.StatusUnprocessableEntity, "refused"); !strings.Contains(a.body.Items[0].Refusal.Detail, id) {
		t.Errorf("the refusal does not name the other invoice: %s", a.raw)
	}
}

// A program may give every document the same ref. Each of its refused documents is on record all
// the same.
func TestSubmit_OneRefForAll_EachRefusedDocumentIsOnRecord(t *testing.T) {
	b := newBench(t, nil)
	b.take(0, "FV/1", "?ref=CONST")
	for _, number := range []string{"FV/2", "FV/3"} {
		b.want(b.post(xmlOf(0, number), "?ref=CONST"), http.StatusUnprocessableEntity, "refused")
	}
	for _, number := range []string{"FV/2", "FV/3"} {
		a := b.call("GET", "/v1/invoices?number="+number, nil)
		if b.want(a, http.StatusOK, ""); len(a.body.Items) != 1 || a.body.Items[0].State != "refused" {
			t.Errorf("the list for number %s does not have the one refused document: %s", number, a.raw)
		}
	}
	b.take(0, "FV/2", "?ref=OWN")
	a := b.call("GET", "/v1/invoices?number=FV/2", nil)
	if b.want(a, http.StatusOK, ""); len(a.body.Items) != 1 || a.body.Items[0].State != "queued" {
		t.Errorf("the list does not have the one queued invoice: %s", a.raw)
	}
}

func zipOf(t testing.TB, files ...string) []byte {
	t.Helper()
	var raw bytes.Buffer
	z := zip.NewWriter(&raw)
	for i := 0; i+1 < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return raw.Bytes()
}

func TestSubmit_ZIP_AnswersForEachEntryInOrder(t *testing.T) {
	b := newBench(t, nil)
	var files []string
	for i := range 300 {
		files = append(files, fmt.Sprintf("%03d.xml", i), string(xmlOf(0, fmt.Sprint("FV/", i))))
	}
	files[2*150+1] = "<broken"
	raw := zipOf(t, files...)
	a := b.call("POST", "/v1/invoices", raw, "Content-Type", "application/zip", "Content-Disposition",
		`attachment; filename="../../night.zip"`)
	b.want(a, http.StatusMultiStatus, "")
	if a.body.Taken != 299 || a.body.Refused != 1 || len(a.body.Items) != 300 {
		t.Fatalf("%d documents were taken and %d refused, with %d items, want 299, 1 and 300",
			a.body.Taken, a.body.Refused, len(a.body.Items))
	}
	for i, it := range a.body.Items {
		if it.File != fmt.Sprintf("night.zip/%03d.xml", i) || (it.Refusal != nil) != (i == 150) {
			t.Fatalf("item %d: %+v, want file night.zip/%03d.xml, refused: %v", i, it, i, i == 150)
		}
	}
}

// The documents of a call are taken in pieces of at most a hundred. Two documents that have one ref
// and are refused in different pieces have one record, with the faults of both.
func TestSubmit_OneRefIsRefusedInTwoPieces_TheRecordHasAllFaults(t *testing.T) {
	b := newBench(t, nil)
	type document struct {
		Ref string `json:"ref"`
		XML string `json:"xml"`
	}
	var docs []document
	for i := range 250 {
		docs = append(docs, document{fmt.Sprint("SO-", i), string(xmlOf(0, fmt.Sprint("FV/", i)))})
	}
	docs[0], docs[200] = document{"SO-X", "<broken"}, document{"SO-X", "<!DOCTYPE a><a/>"}
	body, err := json.Marshal(map[string]any{"invoices": docs})
	b.must(err)
	a := b.call("POST", "/v1/invoices", body, "Content-Type", "application/json")
	if b.want(a, http.StatusMultiStatus, ""); a.body.Taken != 248 || a.body.Refused != 2 {
		t.Fatalf("%d documents were taken and %d refused, want 248 and 2", a.body.Taken, a.body.Refused)
	}
	refusals, err := b.o.Ledger.Refusals(t.Context(), time.Time{}, "")
	b.must(err)
	if len(refusals) != 1 || len(refusals[0].Faults) != 2 {
		t.Errorf("want one refusal with two faults on record: %+v", refusals)
	}
}

func form(t testing.TB, parts ...[3]string) (string, []byte) { // name, ref, content
	t.Helper()
	var raw bytes.Buffer
	w := multipart.NewWriter(&raw)
	for _, p := range parts {
		head := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="f"; filename="` + p[0] + `"`}}
		if p[1] != "" {
			head.Set("Ref", p[1])
		}
		part, err := w.CreatePart(head)
		if err == nil {
			_, err = part.Write([]byte(p[2]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_ = w.Close()
	return w.FormDataContentType(), raw.Bytes()
}

func TestSubmit_PartWithTwoRefs_IsRefused(t *testing.T) {
	b := newBench(t, nil)
	raw := "--b\r\nContent-Disposition: form-data; name=f; filename=a.xml\r\nRef: P1\r\nRef: P2\r\n\r\n" +
		string(xmlOf(0, "FV/1")) + "\r\n--b--\r\n"
	a := b.call("POST", "/v1/invoices", []byte(raw), "Content-Type", "multipart/form-data; boundary=b")
	if b.want(a, http.StatusUnprocessableEntity, "refused"); !strings.Contains(a.body.Items[0].Refusal.Detail, "ref must be given once") {
		t.Errorf("the refusal does not say that a ref must be given once: %s", a.raw)
	}
}

func quoted(doc []byte) string {
	raw, _ := json.Marshal(string(doc)) // a text can always be encoded
	return string(raw)
}

// A caller may send texts of any length. The answers and records that quote them stay short.
func TestSubmit_LongTextsOfTheCall_AreNotRepeatedInFull(t *testing.T) {
	b := newBench(t, nil)
	long := strings.Repeat("Q", 300_000)
	for _, element := range []string{`{"` + long + `":1}`, `{"lane":"` + long + `","xml":"x"}`, `{"ref":"` + long + `","xml":"x"}`,
		`{"corrects":"` + long + `","xml":"x"}`, `{"tenant":"` + long + `","xml":"x"}`, `{"faktura":{"` + long + `":1,"` + long + `":2}}`,
		`{"xml":"<` + long + `/>"}`, `{"xml":` + quoted(xmlOf(0, long)) + `}`} {
		a := b.call("POST", "/v1/invoices", []byte(`{"invoices":[`+element+`]}`), "Content-Type", "application/json")
		if b.want(a, http.StatusUnprocessableEntity, "refused"); len(a.raw) > 10_000 {
			t.Errorf("the answer about %.30s has %d bytes, want 10,000 at most", element, len(a.raw))
		}
	}
	refusals, err := b.o.Ledger.Refusals(t.Context(), time.Time{}, "one")
	b.must(err)
	for _, r := range refusals {
		for _, f := range r.Faults {
			if n := len(f.Field + f.Rule + f.Value + f.Hint); n > 5000 {
				t.Errorf("a fault of %d bytes is on record, want 5,000 at most", n)
			}
		}
	}
}

// When something other than the ref of an element is at fault, the answer still has the ref, and
// the refusal is found by the ref.
func TestSubmit_ElementAtFault_ItsRefComesBackAndFindsTheRefusal(t *testing.T) {
	b := newBench(t, nil)
	for i, fault := range []string{`"foo":1,"xml":"<a/>"`, `"offline":"yes","xml":"<a/>"`, `"xml":"Gdy` + "\xf1" + `ia"`,
		`"xml":"\ud800"`, `"xml":"<a/>","xml":"<b/>"`, `"xml":7`, `"xml":"<a/>","lane":"fast"`} {
		ref := fmt.Sprintf("SO-%d", i)
		for _, element := range []string{`{"ref":"` + ref + `",` + fault + `}`, `{` + fault + `,"ref":"` + ref + `"}`} {
			a := b.call("POST", "/v1/invoices", []byte(`{"invoices":[`+element+`]}`), "Content-Type", "application/json")
			b.want(a, http.StatusUnprocessableEntity, "refused")
			if len(a.body.Items) != 1 || a.body.Items[0].Ref != ref {
				t.Errorf("the answer about %s lacks the ref: %s", element, a.raw)
			}
		}
		if found := b.call("GET", "/v1/invoices?ref="+ref, nil); len(found.body.Items) != 1 || found.body.Items[0].State != "refused" {
			t.Errorf("the ref %s should find one refused document: %s", ref, found.raw)
		}
	}
	for _, element := range []string{`{"ref":"a","Ref":"b","xml":"<a/>"}`, `{"ref":7,"xml":"<a/>"}`, `{"ref":"a` + "\xf1" + `","xml":"<a/>"}`} {
		a := b.call("POST", "/v1/invoices", []byte(`{"invoices":[`+element+`]}`), "Content-Type", "application/json")
		b.want(a, http.StatusUnprocessableEntity, "refused")
		if len(a.body.Items) != 1 || a.body.Items[0].Ref != "" {
			t.Errorf("the answer about %s has a ref that cannot be one: %s", element, a.raw)
		}
	}
}

func TestSubmit_Form_TakesEachFileWithItsRef(t *testing.T) {
	b := newBench(t, nil)
	media, raw := form(t, [3]string{"a.xml", "SO-1", string(xmlOf(0, "FV/1"))}, [3]string{`C:\x\b.xml`, "", string(xmlOf(0, "FV/2"))})
	a := b.call("POST", "/v1/invoices", raw, "Content-Type", media, "Idempotency-Key", "k1")
	b.want(a, http.StatusAccepted, "")
	if it := a.body.Items; it[0].File != "a.xml" || it[0].Ref != "SO-1" || it[1].Ref != "" || !strings.HasSuffix(it[1].File, "b.xml") {
		t.Errorf("want a.xml with ref SO-1, and b.xml without a ref: %s", a.raw)
	}
	// When the same form is sent again, its boundary is different.
	media, raw = form(t, [3]string{"a.xml", "SO-1", string(xmlOf(0, "FV/1"))}, [3]string{`C:\x\b.xml`, "", string(xmlOf(0, "FV/2"))})
	b.want(b.call("POST", "/v1/invoices", raw, "Content-Type", media, "Idempotency-Key", "k1"), http.StatusAccepted, "")
	media, raw = form(t, [3]string{"a.xml", "SO-2", string(xmlOf(0, "FV/1"))})
	b.want(b.call("POST", "/v1/invoices", raw, "Content-Type", media, "Idempotency-Key", "k1"), http.StatusUnprocessableEntity,
		"idempotency-key-reused")
}

func jsonOf(t testing.TB, docs ...map[string]any) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"invoices": docs})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestSubmit_JSON_EachDocumentHasTermsOfItsOwn(t *testing.T) {
	b := newBench(t, nil)
	due := time.Now().Add(240 * time.Hour).Format(time.RFC3339)
	raw := jsonOf(t,
		map[string]any{"xml": string(xmlOf(0, "FV/1")), "ref": "SO-1", "deadline": due},
		map[string]any{"xml_base64": xmlOf(0, "FV/2"), "ref": "SO-2", "lane": "bulk", "offline": true},
		map[string]any{"xml": string(xmlOf(0, "FV/3")), "lane": "fast"},
		map[string]any{"xml": string(xmlOf(0, "FV/4")), "corrects": "FV/0"},
		map[string]any{"faktura": map[string]any{"numer": "1"}, "lane": "fast"},
		map[string]any{"xml": string(xmlOf(0, "FV/5")), "reff": "SO-5"},
		map[string]any{"xml": "<a>\xff</a>"},
		map[string]any{"ref": "SO-7"},
		map[string]any{"xml": string(xmlOf(0, "FV/8")), "tenant": "two"},
	)
	raw = append([]byte("\xef\xbb\xbf"), raw...) // as programs on Windows write it
	a := b.call("POST", "/v1/invoices", raw, "Content-Type", "application/json")
	b.want(a, http.StatusMultiStatus, "")
	for i, field := range []string{"", "", "lane", "corrects", "lane", "invoices[5]", "xml", "xml", "tenant"} {
		it := a.body.Items[i]
		if field == "" && it.Refusal == nil || field != "" && it.Refusal != nil && it.Refusal.Faults[0].Field == field {
			continue
		}
		t.Errorf("item %d: %+v %+v, want a fault of the field %q; none if that is empty", i, it, it.Refusal, field)
	}
	inv, err := b.o.Ledger.Invoice(t.Context(), a.body.Items[1].ID)
	if err != nil || !inv.Offline || inv.Lane != ledger.Bulk || inv.Ref != "SO-2" {
		t.Errorf("the second invoice should be offline, in lane bulk and with ref SO-2: %+v, %v", inv, err)
	}
}

func TestSubmit_JSON_OfflineOfADocumentTakesPrecedenceOverTheQuery(t *testing.T) {
	b := newBench(t, nil)
	docs := jsonOf(t, map[string]any{"xml": string(xmlOf(0, "FV/1"))}, map[string]any{"xml": string(xmlOf(0, "FV/2")), "offline": false},
		map[string]any{"xml": string(xmlOf(0, "FV/3")), "offline": nil})
	a := b.call("POST", "/v1/invoices?offline=true", docs, "Content-Type", "application/json")
	b.want(a, http.StatusAccepted, "")
	for i, want := range []bool{true, false, true} {
		inv, err := b.o.Ledger.Invoice(t.Context(), a.body.Items[i].ID)
		if err != nil || inv.Offline != want {
			t.Errorf("%s: offline is %v, %v, want the opposite", inv.Number, inv.Offline, err)
		}
	}
}

func TestSubmit_BodyThatEndsEarlyOrIsNoJSON_AnswersForWhatWasReadAndSaysWhereItEnds(t *testing.T) {
	b := newBench(t, nil)
	good := string(jsonOf(t, map[string]any{"xml": string(xmlOf(0, "FV/1"))}))
	for body, want := range map[string]string{
		`[]`: `must be {`, `{"invoices":{}}`: `must be {`, `{"invoices":[]}`: "empty", `{"invoices":[}`: "invoices[0]",
		strings.TrimSuffix(good, "]}"): "invoices[1]", good + "x": "goes on", strings.TrimSuffix(good, "}") + `,"more":1}`: `"more" beside`,
	} {
		a := b.call("POST", "/v1/invoices", []byte(body), "Content-Type", "application/json")
		if b.want(a, http.StatusBadRequest, "bad-request"); !strings.Contains(a.body.Detail, want) {
			t.Errorf("%.40s: the detail is %s, want %q", body, a.body.Detail, want)
		}
		if strings.HasPrefix(body, `{"invoices":[{`) && (len(a.body.Items) != 1 || a.body.Items[0].State != "queued") {
			t.Errorf("%.40s: the document before the fault should be queued: %s", body, a.raw)
		}
	}
}

func TestSubmit_IdempotencyKey_SameBodyIsHarmlessAnotherBodyIsRefused(t *testing.T) {
	b := newBench(t, nil)
	key := []string{"Idempotency-Key", "night 2026-11-23"}
	b.want(b.post(xmlOf(0, "FV/1"), "", key...), http.StatusAccepted, "")
	b.want(b.post(xmlOf(0, "FV/1"), "", key...), http.StatusAccepted, "")
	b.want(b.post(xmlOf(0, "FV/2"), "", key...), http.StatusUnprocessableEntity, "idempotency-key-reused")
	b.want(b.post(xmlOf(0, "FV/1"), "?lane=bulk", key...), http.StatusUnprocessableEntity, "idempotency-key-reused")
	b.want(b.post(xmlOf(1, "FV/2"), "", append(key, "Authorization", "Bearer "+keyTwo)...), http.StatusAccepted, "")
	if ids, err := b.o.Ledger.ByNumber(t.Context(), "FV/2"); len(ids) != 1 || err != nil {
		t.Errorf("FV/2 should be taken once, for the second client: %v, %v", ids, err)
	}
	for _, ttl := range b.rdb.Keys(t.Context(), "ksef:request:*").Val() {
		if d := b.rdb.TTL(t.Context(), ttl).Val(); d <= 23*time.Hour || d > 24*time.Hour {
			t.Errorf("an idempotency key is kept for %s, want 23 to 24 hours", d)
		}
	}
	b.want(b.post(xmlOf(0, "FV/1"), "", "Idempotency-Key", strings.Repeat("x", 256)), http.StatusBadRequest, "bad-request")
}

func TestSubmit_PolishCaller_GetsPolishTexts(t *testing.T) {
	b := newBench(t, nil)
	a := b.call("POST", "/v1/invoices", nil, "Content-Type", "text/csv", "Accept-Language", "en;q=0.3, pl-PL")
	if b.want(a, http.StatusUnsupportedMediaType, "unsupported-media-type"); a.body.Title != "Nieobsługiwany typ treści" ||
		a.head.Get("Content-Language") != "pl" {
		t.Errorf("the problem is not in Polish: %s", a.raw)
	}
	a = b.post(xmlOf(0, "FV/1"), "?lane=x", "Accept-Language", "pl")
	if b.want(a, http.StatusBadRequest, "bad-request"); a.body.Detail != "lane: musi mieć wartość auto, express albo bulk, wartość „x”" {
		t.Errorf("the detail is not in Polish: %s", a.raw)
	}
	b.take(0, "FV/1", "?ref=S")
	bad := sample.Bad(sample.FutureDate, sample.Options{SellerNIP: sample.NIP(0), Number: "FV/2", IssueDate: "2026-11-23"})
	raw := jsonOf(t, map[string]any{"xml": string(bad)}, map[string]any{"xml": string(xmlOf(0, "FV/3")), "ref": "S"},
		map[string]any{"xml": "x", "offline": "yes"}, map[string]any{"xml": string(xmlOf(0, "FV/1")), "ref": "T"})
	a = b.call("POST", "/v1/invoices", raw, "Content-Type", "application/json", "Accept-Language", "pl")
	for _, want := range []string{"nie może być późniejsza niż dzisiaj", "wyślij ją w tym dniu",
		"inna faktura tego podatnika (stan: w kolejce)", "nadaj każdej fakturze własny ref",
		`"field":"offline","rule":"musi mieć wartość true albo false"`, "faktura ma ref S"} {
		if !strings.Contains(string(a.raw), want) {
			t.Errorf("the answer lacks %q: %s", want, a.raw)
		}
	}
	a = b.call("POST", "/v1/invoices?ref=SO-1", bytes.Replace(xmlOf(0, "FV/5"), []byte("<P_1>2026-11-23"), []byte("<P_1>2049-12-31"), 1),
		"Content-Type", "application/xml", "Accept-Language", "pl")
	r := a.body.Items[0].Refusal
	if len(r.Faults) == 0 || !strings.HasPrefix(r.Faults[0].Rule, "nie może być późniejsza niż dzisiaj") ||
		!strings.Contains(r.Detail, ", wartość „2049-12-31” (wiersz ") ||
		r.Explanations[0].Name() != "refused/date_in_future" || r.Explanations[0].PL.Do == "" {
		t.Errorf("the refusal is not in Polish, or lacks its explanation: %s", a.raw)
	}
	if found := b.call("GET", "/v1/invoices?ref=SO-1", nil); len(found.body.Items) != 1 ||
		!strings.Contains(string(found.raw), `"code":"date_in_future"`) {
		t.Errorf("the document that its ref finds lacks its explanation: %s", found.raw)
	}
}
