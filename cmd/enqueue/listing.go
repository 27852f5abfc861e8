package main

import (
	"encoding/csv"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"

	"ksefworker/internal/results"
)

// listing is how a list is printed.
type listing struct {
	Format string `help:"table, csv or ndjson (one JSON object a line)." default:"table" placeholder:"F"`
	// What spreadsheet programs want: in Poland they part cells by semicolons, and take UTF-8 for
	// what it is by its mark.
	BOM       bool   `name:"bom" help:"With csv: begin with a byte order mark, by which spreadsheet programs know UTF-8."`
	Delimiter string `help:"With csv: what stands between cells: comma, semicolon (both also as , and ;), tab or |." placeholder:"C"`

	comma rune
}

var delimiters = map[string]rune{"": ',', ",": ',', "comma": ',', ";": ';', "semicolon": ';', "tab": '\t', "\t": '\t', `\t`: '\t', "|": '|'}

func (l *listing) check() error {
	switch l.Format {
	case "table", "csv", "ndjson":
	default:
		return &usageError{what: fmt.Sprintf("--format %q is not known", l.Format), hint: "say table, csv or ndjson"}
	}
	if (l.BOM || l.Delimiter != "") && l.Format != "csv" {
		return &usageError{what: "--bom and --delimiter go with --format csv", hint: "add --format csv, or leave them out"}
	}
	known := false
	if l.comma, known = delimiters[l.Delimiter]; !known {
		return &usageError{what: fmt.Sprintf("--delimiter %q is not known", l.Delimiter), hint: "say comma, semicolon, tab or |"}
	}
	return nil
}

// csv begins a table for a spreadsheet program.
func (l *listing) csv(s *screen) *csv.Writer {
	if l.BOM {
		_, _ = s.Write([]byte("\uFEFF")) // the screen keeps its first error for the end
	}
	w := csv.NewWriter(s)
	w.Comma = l.comma
	return w
}

// csvHead is the names of the JSON fields, from the one place where they are written down.
func csvHead() []string {
	var head []string
	for f := range fields(reflect.TypeFor[results.Result]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		head = append(head, name)
	}
	return head
}

func fields(t reflect.Type) iter.Seq[reflect.StructField] {
	return slices.Values(reflect.VisibleFields(t))
}

func csvRow(r results.Result) []string {
	v := reflect.ValueOf(r)
	var row []string
	for f := range fields(v.Type()) {
		text := fmt.Sprint(v.FieldByIndex(f.Index).Interface())
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if slices.Contains(written, name) {
			text = guarded(text)
		}
		row = append(row, clean(text))
	}
	return row
}

// written are the cells whose text a person wrote, or KSeF in answer to it. All others are our own:
// to put an apostrophe before a hash that begins with + would change it for whoever compares it.
var written = []string{"file", "number", "kind", "reason"}

// guarded keeps a spreadsheet from running what somebody put into a file name or an invoice number:
// what would begin a formula is made text with an apostrophe.
func guarded(s string) string {
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
