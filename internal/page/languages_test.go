package page_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/audit"
	"ksefworker/internal/explain"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/page"
	"ksefworker/internal/waiting"
)

// waits maps the number of an invoice to what the invoice waits for.
type waits map[string]waiting.Wait

func (w waits) Explain(_ context.Context, invs []ledger.Invoice) (map[string]waiting.Wait, error) {
	out := map[string]waiting.Wait{}
	for _, inv := range invs {
		if wait, ok := w[inv.Number]; ok {
			out[inv.ID] = wait
		}
	}
	return out, nil
}

// filled puts a value in the place of each star. form is a text with stars for the inserted values.
func filled(form string) string { return strings.ReplaceAll(form, "*", "4711") }

// everyReason makes a world with every reason that package explain knows for parked invoices,
// refused documents and waits, and with every act of the audit log. It returns the addresses of the
// pages that show them.
func everyReason(t *testing.T) (*world, []string) {
	waitsFor := waits{}
	w := newWorld(t, func(o *page.Options) {
		o.Inquiry.(*inquiry.Reader).Waits = waitsFor
		o.Tenants[0].PDF = true
	})
	n := 0
	take := func(to ledger.State, code int, reason string) string {
		n++
		number := fmt.Sprintf("N/%d", n)
		sum := sha256.Sum256([]byte(number))
		id := ledger.InvoiceID(ledger.Identity{NIP: sellerA, Kind: "VAT", Number: number}, sum)
		_, err := w.ledger.Take(t.Context(), []ledger.NewInvoice{{Body: []byte("<Faktura/>"), Invoice: ledger.Invoice{
			Facts:  ledger.Facts{ID: id, Tenant: "A", NIP: sellerA, Kind: "VAT", Form: "v3", IssueDate: "2026-11-23"},
			Number: number, Hash: ledger.HashText(sum), Size: 10}}})
		w.check(err)
		if to != ledger.Queued {
			w.check(w.ledger.Move(t.Context(), ledger.Move{ID: id, To: to, Edit: ledger.Because(code, reason)}))
		}
		return id
	}
	paths := []string{"/", "/tenants/A", "/invoices", "/open", "/days", "/deliveries", "/deliveries/erp", "/audit", "/nowhere",
		"/invoices?q=REF"}
	var refusals []ledger.Refusal
	for _, e := range explain.All() {
		for i, form := range e.Match {
			text := filled(form)
			switch e.Space {
			case explain.Parked:
				id := take(ledger.Parked, 410*(i%2), text)
				paths = append(paths, "/invoices/"+id)
			case explain.Refused:
				number := fmt.Sprintf("REF/%s/%d", e.Code, i)
				refusals = append(refusals, ledger.Refusal{ID: ledger.RefusalOfFile(number), Tenant: "A", Number: number, File: "f.xml",
					Faults: []ledger.RefusalFault{{Field: "Fa/P_2", Rule: text, Value: "4711", Line: 3, Column: 1}}, More: 2})
			}
		}
		if e.Space == explain.Wait {
			w.waits = append(w.waits, waiting.Count{Tenant: "A", For: waiting.Reason(e.Code), What: "what KSeF 4711 answered", Invoices: 1})
		}
	}
	w.check(w.ledger.Refuse(t.Context(), refusals))
	reasons := waiting.Reasons()
	for i, text := range explain.Sentences() {
		take(ledger.Parked, 0, filled(text))
		if i%4 == 0 {
			id := take(ledger.Queued, 0, "")
			waitsFor[fmt.Sprintf("N/%d", n)] = waiting.Wait{For: reasons[i%len(reasons)], What: filled(text), Until: time.Now()}
			paths = append(paths, "/invoices/"+id)
		}
		w.waits = append(w.waits, waiting.Count{Tenant: "A", For: reasons[i%len(reasons)], What: filled(text), Invoices: 1})
	}
	dismissed := take(ledger.Rejected, 450, "KSEF-WORDS")
	olga := w.as("olga")
	olga.post("/invoices/"+dismissed+"/seen", nil)
	olga.post("/invoices/"+dismissed+"/dismiss", url.Values{"reason": {"4711"}})
	taken := take(ledger.Rejected, 450, "KSEF-WORDS")
	olga.post("/invoices/"+taken+"/dismiss", url.Values{"reason": {"4711"}})
	olga.post("/invoices/"+taken+"/retry", nil)
	paths = append(paths, "/invoices/"+dismissed, "/invoices/"+dismissed+"?asked=dismiss", "/invoices/"+taken+"?asked=retry",
		"/invoices/"+take(ledger.Rejected, 430, "KSEF-WORDS")+"?asked=seen")
	for _, what := range []string{audit.Login, audit.Logout, audit.Refused, audit.Retry, audit.Dismiss, audit.Pause, audit.Drain,
		audit.Resume, audit.Export, audit.ExportInvoices, audit.Resend, audit.CallAgain, audit.Seen, audit.Unseen} {
		for _, why := range []string{"", "moved", "not_kept", "busy: a worker is busy with this receiver; try again in a minute"} {
			w.check(w.audit.Record(t.Context(), audit.Entry{Who: "x", Via: "enqueue", What: what, NotDone: why}))
		}
	}
	w.receiver("erp", map[string]string{dismissed: "4711"})
	w.check(w.ledger.Hold(t.Context(), "A", ledger.Hold{Kind: ledger.Draining, By: "x", Why: "4711"}))
	return w, paths
}

// longEnough is a number of characters. A text with this many characters or more does not occur in
// the other language by chance.
const longEnough = 14

var (
	inserted = regexp.MustCompile(`%(\.\d)?[a-z%]|\*|\{\d\}`)
	// record matches what is in another language on purpose: the English text for the person who
	// looks after the program, and the link to the other language.
	record = regexp.MustCompile(`(?s)<dd class="code" lang="en">.*?</dd>|<a class="quiet"[^>]*>(English|Polski)</a>`)
	spaces = regexp.MustCompile(`\s+`)
)

// pieces returns the parts of texts that lie between the inserted values. It leaves out short parts
// and single words.
func pieces(texts ...string) []string {
	var out []string
	for _, text := range texts {
		for _, p := range inserted.Split(text, -1) {
			if p = strings.Trim(p, " .,:;()"); len([]rune(p)) >= longEnough && strings.Contains(p, " ") {
				out = append(out, p)
			}
		}
	}
	return out
}

// texts returns the pieces of the texts that a page can show, for each language.
func texts(t *testing.T) (english, polish []string) {
	for _, e := range explain.All() {
		english = append(english, pieces(e.EN.Name, e.EN.Means, e.EN.Do)...)
		english = append(english, pieces(e.Match...)...)
		polish = append(polish, pieces(e.PL.Name, e.PL.Means, e.PL.Do)...)
	}
	for _, form := range explain.Sentences() {
		english = append(english, pieces(form)...)
		said, _ := explain.Say(explain.Polish, strings.ReplaceAll(form, "*", "4711"))
		polish = append(polish, pieces(strings.ReplaceAll(said, "4711", "*"))...)
	}
	for en, pl := range page.PolishTexts {
		english, polish = append(english, pieces(en)...), append(polish, pieces(pl)...)
	}
	both := func(s string, other []string) bool { return slices.Contains(other, s) }
	was := slices.Clone(english)
	english = slices.DeleteFunc(english, func(s string) bool { return both(s, polish) })
	polish = slices.DeleteFunc(polish, func(s string) bool { return both(s, was) })
	if len(english) < 500 || len(polish) < 500 {
		t.Fatalf("only %d English and %d Polish texts were found, want at least 500 of each", len(english), len(polish))
	}
	return english, polish
}

func TestLanguages_EveryPageWithEveryReason_IsInOneLanguage(t *testing.T) {
	english, polish := texts(t)
	w, paths := everyReason(t)
	p := w.as("olga")
	for _, c := range []struct {
		lang    string
		foreign []string
	}{{"pl", english}, {"en", polish}} {
		read := 0
		for _, path := range paths {
			for pages := 0; path != "" && pages < 10; pages++ {
				status, body, _ := p.get(path, "Accept-Language", c.lang)
				if status >= 500 {
					t.Fatalf("%s has status %d, want less than 500: %s", path, status, w.log.String())
				}
				read++
				body = spaces.ReplaceAllString(html.UnescapeString(record.ReplaceAllString(body, "")), " ")
				for _, text := range c.foreign {
					if strings.Contains(body, text) {
						t.Errorf("the page %s in %s has a text of the other language: %q", path, c.lang, text)
					}
				}
				path = next(body)
			}
		}
		if read < 60 {
			t.Errorf("only %d pages were read, want at least 60", read)
		}
	}
	// On an English page the same search must find English texts.
	_, body, _ := p.get("/open", "Accept-Language", "en")
	if !slices.ContainsFunc(english, func(s string) bool { return strings.Contains(html.UnescapeString(body), s) }) {
		t.Error("no English text is found on an English page, so this test proves nothing")
	}
}

// next returns the address of the next page of a list; "" on its last page.
func next(body string) string {
	if m := regexp.MustCompile(`<a href="([^"]+)" rel="next">`).FindStringSubmatch(body); m != nil {
		return m[1]
	}
	return ""
}

func TestLanguages_WordsOfKSeF_StayAndAreMarkedAsPolish(t *testing.T) {
	w := newWorld(t, nil)
	id := w.take("A", sellerA, "FV/1", ledger.Rejected, "Błąd weryfikacji")
	p := w.as("anna")
	if _, body, _ := p.get("/invoices/"+id, "Accept-Language", "en"); !strings.Contains(body, `<span lang="pl">Błąd weryfikacji</span>`) {
		t.Error("the words of KSeF are not marked as Polish on an English page")
	}
	if _, body, _ := p.get("/invoices/"+id, "Accept-Language", "pl"); !strings.Contains(body, `<span>Błąd weryfikacji</span>`) {
		t.Error("the words of KSeF are not on the Polish page")
	}
}
