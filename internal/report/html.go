package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"

	"ksefworker/internal/explain"
)

//go:embed pages/report.html
var pages embed.FS

var page = template.Must(template.New("report.html").Funcs(template.FuncMap{
	"number": func(cell any) bool {
		_, text := cell.(string)
		return !text
	},
	"show": func(cell any, lang string) string {
		if a, ok := cell.(*Amount); ok {
			return a.In(explain.Language(lang))
		}
		return fmt.Sprint(cell)
	},
	"moment": moment,
}).ParseFS(pages, "pages/report.html"))

// WriteHTML writes the report as one page, which works without scripts, other files and hosts.
func (r Report) WriteHTML(w io.Writer, l explain.Language) error {
	err := page.Execute(w, struct {
		Report
		W        words
		Charts   []chart
		Sections []Section
	}{r, wordsIn(l), r.charts(l), r.Sections(l)})
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
