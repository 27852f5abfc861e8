package httpintake

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

func TestTenants_OfAnotherClient_CanNeitherBeFedNorReadNorActedOn(t *testing.T) {
	b := newBench(t, nil)
	id := b.take(1, "FV/1", "?ref=SO-1")
	for _, path := range []string{"", "/xml", "/upo"} {
		b.want(b.call("GET", "/v1/invoices/"+id+path, nil), http.StatusNotFound, "not-found")
	}
	for _, verb := range []string{":retry", ":dismiss"} {
		b.want(b.call("POST", "/v1/invoices/"+id+verb, nil), http.StatusNotFound, "not-found")
	}
	for _, query := range []string{"ref=SO-1", "number=FV/1", "state=queued", "", "limit=1"} {
		if a := b.call("GET", "/v1/invoices?"+query, nil); a.status != 200 || len(a.body.Items) != 0 {
			t.Errorf("the list for %s should be empty: %d %s", query, a.status, a.raw)
		}
	}
	b.want(b.call("GET", "/v1/invoices?tenant=two", nil), http.StatusBadRequest, "bad-request")
	b.want(b.post(xmlOf(1, "FV/2"), ""), http.StatusUnprocessableEntity, "refused")
	b.want(b.post(xmlOf(1, "FV/2"), "?tenant=two"), http.StatusBadRequest, "bad-request")
	b.want(b.call("POST", "/v1/invoices", []byte(`{"invoices":[{"xml":"<a/>","ref":"r","tenant":"two"}]}`), "Content-Type", "application/json"),
		http.StatusUnprocessableEntity, "refused")
	if a := b.call("GET", "/v1/events", nil, "Authorization", "Bearer "+keyTwo); len(a.body.Items) != 0 {
		t.Errorf("the second client should have no events: %s", a.raw)
	}
	if n, err := b.o.Ledger.Counts(t.Context()); n["queued"] != 1 || err != nil {
		t.Errorf("%d invoices are queued, %v, want only the one of the second client", n["queued"], err)
	}
	// The refused documents of the first client do not appear among those of the second.
	refusals, err := b.o.Ledger.Refusals(t.Context(), time.Time{}, "")
	b.must(err)
	for _, r := range refusals {
		if r.Tenant == "two" {
			t.Errorf("the list of tenant two has the refusal %+v, want it empty", r)
		}
	}
}

// selfBilled returns an invoice of the first tenant as the second tenant, its buyer, would issue it
// in the seller's name.
func selfBilled(own []byte) []byte {
	theirs := bytes.Replace(own, []byte("<P_17>2</P_17>"), []byte("<P_17>1</P_17>"), 1)
	at := bytes.Index(theirs, []byte("<Podmiot2>"))
	head, tail, _ := bytes.Cut(theirs[at:], []byte("<NIP>"))
	_, tail, _ = bytes.Cut(tail, []byte("</NIP>"))
	return bytes.Join([][]byte{theirs[:at], head, []byte("<NIP>" + sample.NIP(1) + "</NIP>"), tail}, nil)
}

func TestTenants_DocumentOfAnotherClient_IsRefusedAndItsStateIsNotTold(t *testing.T) {
	b := newBench(t, nil)
	// The second client's tenant is the buyer. With P_17 = 1 the buyer issues an invoice of the
	// same number in the seller's name.
	own := sample.Invoice(sample.Options{SellerNIP: sample.NIP(0), Number: "FV/1", IssueDate: "2026-11-23"})
	taken := b.post(own, "")
	b.want(taken, http.StatusAccepted, "")
	id := taken.body.Items[0].ID
	a := b.post(selfBilled(own), "?lane=bulk", "Authorization", "Bearer "+keyTwo)
	b.want(a, http.StatusUnprocessableEntity, "refused")
	hint := a.body.Items[0].Refusal.Faults[0].Hint
	if !strings.Contains(hint, "if KSeF rejects the other one, yours can be handed in again") {
		t.Errorf("the hint does not say when the document can be handed in again: %q", hint)
	}
	if text := string(a.raw); strings.Contains(text, id) || strings.Contains(text, "queued") || !strings.Contains(text, "not yours") {
		t.Errorf("the answer tells more about the invoice of the other client than it may: %s", text)
	}
	inv, err := b.o.Ledger.Invoice(t.Context(), id)
	if err != nil || inv.Lane != ledger.Auto || !inv.Fresh() {
		t.Errorf("the invoice was changed: %+v, %v", inv, err)
	}
}

func TestBody_TooLarge_Is413AndLeavesNothingBehind(t *testing.T) {
	b := newBench(t, nil)
	large := bytes.Repeat([]byte(" "), 9<<20)
	b.want(b.call("POST", "/v1/invoices", large, "Content-Type", "application/zip"), http.StatusRequestEntityTooLarge, "too-large")
	// The server stops reading an endless body of unknown length at the limit.
	r, err := http.NewRequestWithContext(t.Context(), "POST", b.url+"/v1/invoices", &endless{})
	b.must(err)
	r.Header.Set("Authorization", "Bearer "+keyOne)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err == nil {
		if resp.Body.Close(); resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("an endless body was answered with status %d, want 413", resp.StatusCode)
		}
	}
	if left, err := os.ReadDir(b.spool); len(left) != 0 || err != nil {
		t.Errorf("the folder of bodies should be empty after the calls: %v, %v", left, err)
	}
}

// Some programs send the whole body before they read the answer. They must see the answer, and not
// that the connection was reset.
func TestBody_IsNotRead_ACallerWhoSendsAllOfItFirstSeesTheAnswer(t *testing.T) {
	b := newBench(t, nil)
	for what, c := range map[string]struct {
		head   string
		status int
	}{
		"too large":     {"Authorization: Bearer " + keyOne + "\r\nContent-Type: application/zip", http.StatusRequestEntityTooLarge},
		"no key":        {"Content-Type: application/zip", http.StatusUnauthorized},
		"unknown type":  {"Authorization: Bearer " + keyOne + "\r\nContent-Type: text/plain", http.StatusUnsupportedMediaType},
		"unknown route": {"X: y", http.StatusNotFound},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
		b.must(err)
		b.must(conn.SetDeadline(time.Now().Add(20 * time.Second)))
		path := "/v1/invoices"
		if c.status == http.StatusNotFound {
			path = "/v1/nowhere"
		}
		const size = 40 << 20
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: %d\r\n\r\n", path, c.head, size)
		b.must(err)
		for sent, part := 0, make([]byte, 1<<20); sent < size; sent += len(part) {
			if _, err := conn.Write(part); err != nil {
				t.Fatalf("%s: the connection ended after %d bytes, want all of the body read: %v", what, sent, err)
			}
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: the caller sees no answer: %v", what, err)
		}
		if resp.Body.Close(); resp.StatusCode != c.status {
			t.Errorf("%s: the call was answered with status %d, want %d", what, resp.StatusCode, c.status)
		}
		conn.Close()
	}
}

type endless struct{}

func (*endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestBody_ArrivesTooSlowly_Is408AndTheConnectionEnds(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Limits.BodyPeriod = 200 * time.Millisecond })
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	b.must(err)
	defer conn.Close()
	b.must(conn.SetDeadline(time.Now().Add(20 * time.Second)))
	_, err = fmt.Fprintf(conn, "POST /v1/invoices HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: "+
		"application/xml\r\nContent-Length: 5000\r\n\r\n<", keyOne)
	b.must(err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	b.must(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout || !resp.Close {
		t.Errorf("the status is %d, and the connection closes: %v; want 408 and true", resp.StatusCode, resp.Close)
	}
}

// The archive has two hidden invoices, and three hidden files that are no invoices. macOS stores
// ._a.xml beside a.xml, and systems and editors leave .DS_Store and .a.xml.swp.
func TestBody_HiddenInvoiceInAZIP_IsRefusedWithAReasonAndSystemFilesAreLeftOut(t *testing.T) {
	b := newBench(t, nil)
	raw := zipOf(t, "a.xml", string(xmlOf(0, "FV/1")), ".faktura2.xml", string(xmlOf(0, "FV/2")), "d/.faktura3.json", "{}",
		"._a.xml", "x", ".DS_Store", "x", ".a.xml.swp", "x")
	a := b.call("POST", "/v1/invoices", raw, "Content-Type", "application/zip")
	if b.want(a, http.StatusMultiStatus, ""); a.body.Taken != 1 || a.body.Refused != 2 || len(a.body.Items) != 3 {
		t.Fatalf("want one document taken and two refused: %s", a.raw)
	}
	for _, it := range a.body.Items[1:] {
		if !strings.Contains(it.Refusal.Detail, "has a hidden name") {
			t.Errorf("the refusal of %s does not say that its name is hidden: %s", it.File, it.Refusal.Detail)
		}
	}
}

func TestBody_ZipBombOrUnsafeName_IsRefusedAndTheOthersAreTaken(t *testing.T) {
	b := newBench(t, nil)
	raw := zipOf(t, "bomb.xml", strings.Repeat(" ", 50<<20), "../../etc/cron.d/x.xml", "x", "/abs.xml", "x", "a.xml",
		string(xmlOf(0, "FV/1")))
	a := b.call("POST", "/v1/invoices", raw, "Content-Type", "application/zip")
	if b.want(a, http.StatusMultiStatus, ""); a.body.Taken != 1 || a.body.Refused != 3 {
		t.Errorf("want one document taken and three refused: %s", a.raw)
	}
	for i, want := range []string{"bytes", "leads out of the archive", "is an absolute path"} {
		if d := a.body.Items[i].Refusal.Detail; !strings.Contains(d, want) {
			t.Errorf("the detail of item %d is %s, want %q", i, d, want)
		}
	}
	many := make([]string, 0, 2200)
	for i := range 1100 {
		many = append(many, fmt.Sprint(i, ".xml"), "x")
	}
	a = b.call("POST", "/v1/invoices", zipOf(t, many...), "Content-Type", "application/zip")
	if b.want(a, http.StatusRequestEntityTooLarge, "too-large"); len(a.body.Items) != 0 {
		t.Errorf("the answer about an archive with too many entries has %d items, want none", len(a.body.Items))
	}
	b.want(b.call("POST", "/v1/invoices", []byte("PK\x03\x04 no archive"), "Content-Type", "application/zip"),
		http.StatusUnprocessableEntity, "refused")
}

func TestBody_MoreDocumentsThanAllowed_Is413WithTheAnswersOfThoseThatWereRead(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Limits.Documents = 2 })
	files := []string{"d/", "", "e/", "", "a.xml", string(xmlOf(0, "FV/8")), "d/b.xml", string(xmlOf(0, "FV/9"))}
	for _, media := range []string{"application/zip", "application/x-zip-compressed"} {
		b.want(b.call("POST", "/v1/invoices", zipOf(t, files...), "Content-Type", media), http.StatusAccepted, "")
		over := b.call("POST", "/v1/invoices", zipOf(t, append(files, "c.xml", "x")...), "Content-Type", media)
		b.want(over, http.StatusRequestEntityTooLarge, "too-large")
		if over.body.Detail != "one call may hold 2 documents; nothing was taken" {
			t.Errorf("the answer to %s does not say how many documents a call may hold: %s", media, over.raw)
		}
	}
	docs := []map[string]any{{"xml": string(xmlOf(0, "FV/1"))}, {"xml": string(xmlOf(0, "FV/2"))}, {"xml": string(xmlOf(0, "FV/3"))}}
	a := b.call("POST", "/v1/invoices", jsonOf(t, docs...), "Content-Type", "application/json")
	if b.want(a, http.StatusRequestEntityTooLarge, "too-large"); len(a.body.Items) != 2 {
		t.Errorf("the answer has %d items, want 2", len(a.body.Items))
	}
	large := []byte(`{"invoices":[{"xml":"` + strings.Repeat("x", 7<<20) + `"}]}`)
	b.want(b.call("POST", "/v1/invoices", large, "Content-Type", "application/json"), http.StatusRequestEntityTooLarge, "too-large")
}

func TestHeads_OfTheCallers_CannotReachTheAnswerOrTheLog(t *testing.T) {
	b := newBench(t, nil)
	for _, id := range []string{strings.Repeat("x", 65), "a b", "a\tb", "ż", `a"b`} {
		a := b.call("GET", "/v1/invoices", nil, "X-Request-Id", id)
		if got := a.head.Get("X-Request-Id"); got == id || got == "" {
			t.Errorf("the request id %q came back as %q, want a new one", id, got)
		}
	}
	media, raw := form(t, [3]string{"a\r\nX-Evil: 1.xml", "", string(xmlOf(0, "FV/1"))})
	a := b.call("POST", "/v1/invoices", raw, "Content-Type", media)
	if a.head.Get("X-Evil") != "" {
		t.Errorf("a header was injected: status %d, head %v", a.status, a.head)
	}
	// A query may have a ref, and a ref may have the name of a person.
	b.call("GET", "/v1/invoices?ref=Kowalska", nil)
	b.post(xmlOf(0, "FV/1"), "?ref=Kowalska")
	if strings.Contains(b.log.String(), "Kowalska") {
		t.Errorf("the log has a ref, and must not have one: %s", b.log)
	}
	b.want(b.post(xmlOf(0, "FV/1"), "", "Content-Encoding", "gzip"), http.StatusUnsupportedMediaType, "unsupported-media-type")
}

func TestRate_ClientCallsTooOften_Is429WithRetryAfterAndTheOtherClientGoesOn(t *testing.T) {
	b := newBench(t, func(o *Options) {
		o.Limits.PerSecond = 3
		o.Now = func() time.Time { return monday }
	})
	for range 6 {
		b.want(b.call("GET", "/v1/invoices", nil), http.StatusOK, "")
	}
	a := b.call("GET", "/v1/invoices", nil)
	if b.want(a, http.StatusTooManyRequests, "too-many-requests"); a.head.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q, want 1", a.head.Get("Retry-After"))
	}
	b.want(b.call("GET", "/v1/invoices", nil, "Authorization", "Bearer "+keyTwo), http.StatusOK, "")
}
