package report

import (
	"archive/zip"
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Sheets writes a table as a spreadsheet (XLSX), one row at a time. It needs a few hundred
// kilobytes of memory for any number of rows. By contrast, excelize, which writes the reports,
// keeps a sheet in a temporary file. In a container such a file may take memory. Use [NewSheets];
// the zero value does not work.
type Sheets struct {
	zip    *zip.Writer
	out    *bufio.Writer // the present sheet; nil before the first
	name   string
	head   []string
	sheets int
	row    int // the last row of the present sheet
	full   int // how many rows one sheet holds
}

// maxSheetRows is how many rows spreadsheet programs read of one sheet. The rows beyond that go
// into further sheets.
const maxSheetRows = 1_048_576

// NewSheets begins a table on w. head has at most 26 titles.
func NewSheets(w io.Writer, name string, head []string) *Sheets {
	return &Sheets{zip: zip.NewWriter(w), name: name, head: head, full: maxSheetRows}
}

// Row writes a row of strings and ints. A string that begins with = is text and no formula.
func (s *Sheets) Row(cells []any) error {
	if s.out == nil || s.row == s.full {
		if err := s.next(); err != nil {
			return err
		}
	}
	return s.write(cells, false)
}

// Close ends the file. It does not close the writer below.
func (s *Sheets) Close() error {
	if s.out == nil {
		if err := s.next(); err != nil {
			return err
		}
	}
	if err := s.end(); err != nil {
		return err
	}
	var sheets, relations, types strings.Builder
	for n := 1; n <= s.sheets; n++ {
		fmt.Fprintf(&sheets, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, escaped(s.nameOf(n)), n, n)
		fmt.Fprintf(&relations, `<Relationship Id="rId%d" Type="%s/worksheet" Target="worksheets/sheet%d.xml"/>`, n, officeRelations, n)
		fmt.Fprintf(&types, `<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="%s.worksheet+xml"/>`, n, officeType)
	}
	for _, part := range []struct{ name, text string }{
		{"xl/workbook.xml", `<workbook xmlns="` + officeMain + `" xmlns:r="` + officeRelations + `"><sheets>` + sheets.String() +
			`</sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="` + packageRelations + `">` + relations.String() +
			`<Relationship Id="styles" Type="` + officeRelations + `/styles" Target="styles.xml"/></Relationships>`},
		{"xl/styles.xml", `<styleSheet xmlns="` + officeMain + `"><fonts count="2"><font/><font><b/></font></fonts>` +
			`<fills count="1"><fill/></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>` +
			`<cellXfs count="2"><xf/><xf fontId="1" applyFont="1"/></cellXfs></styleSheet>`},
		{"_rels/.rels", `<Relationships xmlns="` + packageRelations + `"><Relationship Id="rId1" Type="` + officeRelations +
			`/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
			`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="` + officeType + `.sheet.main+xml"/>` +
			`<Override PartName="/xl/styles.xml" ContentType="` + officeType + `.styles+xml"/>` + types.String() + `</Types>`},
	} {
		w, err := s.zip.Create(part.name)
		if err == nil {
			_, err = io.WriteString(w, xml.Header+part.text)
		}
		if err != nil {
			return fmt.Errorf("write spreadsheet: %w", err)
		}
	}
	if err := s.zip.Close(); err != nil {
		return fmt.Errorf("write spreadsheet: %w", err)
	}
	return nil
}

// The names of Office Open XML (ECMA-376).
const (
	officeMain       = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	officeRelations  = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	packageRelations = "http://schemas.openxmlformats.org/package/2006/relationships"
	officeType       = "application/vnd.openxmlformats-officedocument.spreadsheetml"
)

// nameOf returns the name of the nth sheet. The first sheet has the name of the table. Each further
// sheet has this name and its own number.
func (s *Sheets) nameOf(n int) string {
	number := ""
	if n > 1 {
		number = " " + strconv.Itoa(n)
	}
	name := []rune(s.name)
	return string(name[:min(len(name), maxSheetName-len(number))]) + number
}

// next ends the present sheet and begins another one.
func (s *Sheets) next() error {
	if err := s.end(); err != nil {
		return err
	}
	s.sheets++
	w, err := s.zip.Create(fmt.Sprintf("xl/worksheets/sheet%d.xml", s.sheets))
	if err != nil {
		return fmt.Errorf("begin sheet: %w", err)
	}
	s.out, s.row = bufio.NewWriter(w), 0
	fmt.Fprintf(s.out, `%s<worksheet xmlns="%s"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" `+
		`activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols><col min="1" max="%d" width="22" customWidth="1"/></cols>`+
		`<sheetData>`, xml.Header, officeMain, len(s.head))
	head := make([]any, len(s.head))
	for i, text := range s.head {
		head[i] = text
	}
	return s.write(head, true)
}

func (s *Sheets) end() error {
	if s.out == nil {
		return nil
	}
	_, _ = s.out.WriteString(`</sheetData></worksheet>`) // Flush returns the first error
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("write sheet: %w", err)
	}
	return nil
}

func (s *Sheets) write(cells []any, bold bool) error {
	s.row++
	style := ""
	if bold {
		style = ` s="1"`
	}
	fmt.Fprintf(s.out, `<row r="%d">`, s.row)
	for i, c := range cells {
		at := string(rune('A'+i)) + strconv.Itoa(s.row)
		switch c := c.(type) {
		case int:
			fmt.Fprintf(s.out, `<c r="%s"%s><v>%d</v></c>`, at, style, c)
		case string:
			if c != "" {
				fmt.Fprintf(s.out, `<c r="%s" t="inlineStr"%s><is><t xml:space="preserve">%s</t></is></c>`, at, style, escaped(cell(c)))
			}
		default:
			return fmt.Errorf("write sheet: a cell is a %T", c)
		}
	}
	if _, err := s.out.WriteString(`</row>`); err != nil {
		return fmt.Errorf("write sheet: %w", err)
	}
	return nil
}

// character matches the form in which Office Open XML writes a character that XML can't hold.
var character = regexp.MustCompile(`_(x[0-9A-Fa-f]{4}_)`)

// cell returns text as a cell holds it: cut if it is too long, and changed where a spreadsheet
// would read a part of it as a character in the form of _x0041_.
func cell(s string) string {
	if utf8.RuneCountInString(s) > maxCell {
		s = string([]rune(s)[:maxCell])
	}
	return character.ReplaceAllString(s, "_x005F_$1")
}

// escaped is text as XML holds it. A character that XML can't hold becomes U+FFFD.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
