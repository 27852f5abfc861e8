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

// listing holds the flags that say how a list is printed.
type listing struct {
	Format string `help:"table, csv or ndjson (one JSON object a line)." default:"table" placeholder:"F"`
	// Polish spreadsheet programs expect semicolons between cells, and recognise UTF-8 only by a
	// byte order mark.
	BOM       bool   `name:"bom" help:"With csv: begin with a byte order mark, so that spreadsheet programs recognise UTF-8."`
	Delimiter string `help:"${delimiter}" placeholder:"C"`

	comma rune // what Delimiter stands for
}

var delimiters = map[string]rune{
	"": ',', ",": ',', "comma": ',', ";": ';', "semicolon": ';', "tab": '\t', "\t": '\t', `\t`: '\t', "|": '|',
}

func (l *listing) check() error {
	switch l.Format {
	case "table", "csv", "ndjson":
	default:
		return &usageError{what: fmt.Sprintf("--format %q is not known", l.Format), hint: "use table, csv or ndjson"}
	}
	if (l.BOM || l.Delimiter != "") && l.Format != "csv" {
		return &usageError{what: "--bom and --delimiter need --format csv", hint: "add --format csv, or leave them out"}
	}
	known := false
	if l.comma, known = delimiters[l.Delimiter]; !known {
		return &usageError{what: fmt.Sprintf("--delimiter %q is not known", l.Delimiter), hint: "use comma, semicolon, tab or |"}
	}
	return nil
}

// csv returns a writer of a table for a spreadsheet program.
func (l *listing) csv(s *screen) *csv.Writer {
	if l.BOM {
		_, _ = s.Write([]byte("\uFEFF")) // flush returns the first error
	}
	w := csv.NewWriter(s)
	w.Comma = l.comma
	return w
}

// csvHead returns the names of the JSON fields, from the tags of [results.Result], without those in
// except.
func csvHead(except ...string) []string {
	var head []string
	for f := range fields(reflect.TypeFor[results.Result]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !slices.Contains(except, name) {
			head = append(head, name)
		}
	}
	return head
}

// fields yields the fields that fit into one cell, which are all except lists.
func fields(t reflect.Type) iter.Seq[reflect.StructField] {
	return func(yield func(reflect.StructField) bool) {
		for _, f := range reflect.VisibleFields(t) {
			if f.Type.Kind() != reflect.Slice && !yield(f) {
				return
			}
		}
	}
}

func csvRow(r results.Result, except ...string) []string {
	v := reflect.ValueOf(r)
	var row []string
	for f := range fields(v.Type()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if slices.Contains(except, name) {
			continue
		}
		text := fmt.Sprint(v.FieldByIndex(f.Index).Interface())
		if slices.Contains(foreignFields, name) {
			text = guarded(text)
		}
		row = append(row, clean(text))
	}
	return row
}

// foreignFields are the fields in which a person or KSeF can write any text. Only these fields are
// guarded. The other fields hold this program's own text, or text of a fixed form. Their text stays
// as it is. For example, an apostrophe would change a hash that begins with +.
var foreignFields = []string{"file", "number", "kind", "reason", "taken_back", "ref", "tenant"}

// guarded puts an apostrophe before text that would begin a formula. Otherwise a spreadsheet
// program might run what somebody put into a file name or an invoice number.
func guarded(s string) string {
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
