package page

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/audit"
	"ksefworker/internal/explain"
)

// Every text that the page can show has a Polish form, and no Polish form is left over.
func TestWords_EveryTextOfThePage_HasPolish(t *testing.T) {
	used := map[string]bool{}
	note := func(pattern string, files ...string) {
		for _, f := range files {
			raw, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(raw), -1) {
				used[m[1]] = true
			}
		}
	}
	pages, _ := filepath.Glob("templates/*.html")
	code, _ := filepath.Glob("*.go")
	if len(pages) < 10 || len(code) < 15 {
		t.Fatalf("only %d templates and %d Go files were found, want at least 10 and 15", len(pages), len(code))
	}
	note(`\.T "([^"]+)"`, pages...)
	for _, f := range code {
		if strings.HasSuffix(f, "_test.go") || f == "words.go" {
			continue
		}
		note(`v\.T\("([^"]+)"`, f)
		note(`&shown\{[^,]+,\s*"([^"]+)"`, f)
	}
	note(`return "([^"]+\.)"`, "act.go")
	note(`err, "([^"]+\.)"\)`, "files.go")
	used[gone] = true
	note(`add\([^"]+, "([^"]+)"`, "history.go")
	note(`what :?= "([^"]+)"`, "history.go")
	note(`ksef\.Group\w+, "([^"]+)"`, "meter.go")
	for _, what := range []string{audit.Login, audit.Logout, audit.Refused, audit.Retry, audit.Dismiss, audit.Pause, audit.Drain,
		audit.Resume, audit.Export, audit.ExportInvoices, audit.Resend, audit.CallAgain, audit.Seen, audit.Unseen} {
		used[actNames[what]] = true
	}
	for _, key := range stages {
		used[key] = true
	}
	for _, key := range slices.Concat(openHead, invoicesHead) {
		used[key] = true
	}
	for key := range used {
		if polish[key] == "" && key != "ID" {
			t.Errorf("the text %q has no Polish form", key)
		}
	}
	for key, pl := range polish {
		if !used[key] {
			t.Errorf("no page shows the text %q", key)
		}
		if strings.Count(key, "%") != strings.Count(pl, "%") {
			t.Errorf("%q and %q do not have the same number of values in them", key, pl)
		}
	}
}

// Each English text has one Polish text. A word that needs two Polish forms at two places needs two
// English texts.
func TestWords_EachText_IsInOneList(t *testing.T) {
	lists := []map[string]string{polishPages, polishDays, polishItems, polishDeliveries, polishSignIn}
	texts := 0
	for _, list := range lists {
		texts += len(list)
	}
	if texts == len(polish) {
		return
	}
	in := map[string]int{}
	for _, list := range lists {
		for key := range list {
			if in[key]++; in[key] > 1 {
				t.Errorf("%q has more than one Polish form", key)
			}
		}
	}
}

func TestCount_PolishNumbers_HaveTheRightForm(t *testing.T) {
	for n, want := range map[int64]string{0: "0 faktur", 1: "1 faktura", 2: "2 faktury", 5: "5 faktur", 12: "12 faktur", 22: "22 faktury",
		101: "101 faktur", 112: "112 faktur", 1234: "1\u202f234 faktury"} {
		if got := strings.ReplaceAll(count(explain.Polish, n, "invoice"), "\u00a0", " "); got != want {
			t.Errorf("%d invoices are %q in Polish, want %q", n, got, want)
		}
	}
	if got := count(explain.English, 1, "invoice"); got != "1\u00a0invoice" {
		t.Errorf("one invoice is %q in English, want 1 invoice with a no-break space", got)
	}
}

func TestOwnPath_LinksElsewhere_LeadToTheOverview(t *testing.T) {
	for link, want := range map[string]string{"/open?tenant=A": "/open?tenant=A", "//evil.example": "/", "https://evil.example/": "/",
		"/\\evil.example": "/", "": "/", "evil": "/", "/a\nb": "/"} {
		if got := ownPath(link); got != want {
			t.Errorf("%q leads to %q, want %q", link, got, want)
		}
	}
}

func TestGuarded_FormulasAndControlCharacters_AreText(t *testing.T) {
	for s, want := range map[string]string{"=1+1": "'=1+1", "@x": "'@x", "-1": "'-1", "FV/1": "FV/1", "a\nb": "a b", "": ""} {
		if got := guarded(s); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}

func TestDrawing_Text_IsEscaped(t *testing.T) {
	d := newDrawing(`"><script>`)
	d.text(1, "<b>")
	if got := d.end(); strings.Contains(string(got), "<script>") || strings.Contains(string(got), "<b>") {
		t.Errorf("the drawing holds its texts as markup: %s", got)
	}
}
