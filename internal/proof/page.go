package proof

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"regexp"
	"time"

	"ksefworker/internal/explain"
	"ksefworker/internal/invoice"
	"ksefworker/internal/results"
)

//go:embed pages/*.html
var pages embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"warsaw": func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(invoice.Warsaw()).Format("2006-01-02 15:04:05 -0700")
	},
	"number": polishNumber,
}).ParseFS(pages, "pages/*.html"))

var plainNumber = regexp.MustCompile(`^(-?)(\d+)(?:\.(\d+))?$`)

// polishNumber writes a number of a document as people in Poland do, 11607.80 as 11 607,80, with
// no-break spaces. Every digit stays. A text that is not a number stays as it is.
func polishNumber(text string) string {
	m := plainNumber.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	sign, whole, parts := m[1], m[2], m[3]
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "\u00a0" + whole[at:]
	}
	if parts != "" {
		parts = "," + parts
	}
	return sign + whole + parts
}

func render(name string, data any) ([]byte, error) {
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, data); err != nil {
		return nil, fmt.Errorf("write page %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// page writes the page that says what proves what. formless says why the document has no readable
// form. It is nil if the document has one.
func (e Evidence) page(formless error) ([]byte, error) {
	line, _ := e.line()
	findings := e.Findings()
	view := struct {
		Result     results.Result
		Made       time.Time
		Findings   []Finding
		Holds      bool
		UPO        bool
		Document   bool
		Session    string
		AssignedAt time.Time
		Hash       string // as the UPO has it
		About      []explain.Entry
		Formless   error
	}{
		Result: e.Result, Made: e.Made, Findings: findings, Holds: Holds(findings), UPO: e.UPO.Raw != nil, Document: e.Document != nil,
		Session: e.UPO.Parsed.Session, AssignedAt: line.AssignedAt, Hash: line.Hash,
		About:    explain.About(explain.Facts{State: e.Result.State, Code: e.Result.Code, Reason: e.Result.Reason}),
		Formless: formless,
	}
	return render("przeczytaj.html", view)
}
