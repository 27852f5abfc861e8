package report

import (
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"ksefworker/internal/explain"
)

// maxCell is how many characters a cell of a spreadsheet holds.
const maxCell = 32_767

// WriteXLSX writes the report as a spreadsheet. The first sheet has the flat lines, for a pivot
// table. A sheet for each table follows. Amounts are numbers with two digits after the point, or
// text where a spreadsheet would round them. An invoice's number that begins with = is text and not
// a formula.
func (r Report) WriteXLSX(w io.Writer, l explain.Language) error {
	words := wordsIn(l)
	sections := append([]Section{r.Flat()}, r.Sections(l)...)
	return writeWorkbook(w, []string{words.SheetLines, words.ByTenant, words.SheetDay, words.SheetReasons, words.Slowest, words.AtRisk},
		sections)
}

func writeWorkbook(w io.Writer, names []string, sections []Section) error {
	f := excelize.NewFile()
	defer f.Close()
	book := workbook{f: f}
	var err error
	if book.money, err = f.NewStyle(&excelize.Style{NumFmt: 4}); err != nil { // #,##0.00
		return fmt.Errorf("write spreadsheet: %w", err)
	}
	if book.head, err = f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}}); err != nil {
		return fmt.Errorf("write spreadsheet: %w", err)
	}
	for i, s := range sections {
		if err := book.sheet(names[i], s, i == 0); err != nil {
			return fmt.Errorf("write sheet %s: %w", names[i], err)
		}
	}
	if err := f.Write(w); err != nil {
		return fmt.Errorf("write spreadsheet: %w", err)
	}
	return nil
}

type workbook struct {
	f           *excelize.File
	money, head int // styles
}

// maxSheetName is how many characters the name of a sheet may have.
const maxSheetName = 31

func (b *workbook) sheet(name string, s Section, first bool) error {
	for utf8.RuneCountInString(name) > maxSheetName {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	if first {
		if err := b.f.SetSheetName(b.f.GetSheetName(0), name); err != nil {
			return err
		}
	} else if _, err := b.f.NewSheet(name); err != nil {
		return err
	}
	out, err := b.f.NewStreamWriter(name)
	if err != nil {
		return err
	}
	if err := out.SetColWidth(1, len(s.Head), 22); err != nil {
		return err
	}
	head := make([]any, len(s.Head))
	for i, text := range s.Head {
		head[i] = excelize.Cell{StyleID: b.head, Value: text}
	}
	if err := out.SetRow("A1", head); err != nil {
		return err
	}
	row := 1
	for _, cells := range s.Rows {
		row++
		if err := out.SetRow(fmt.Sprintf("A%d", row), b.cells(cells)); err != nil {
			return err
		}
	}
	if s.Note != "" {
		if err := out.SetRow(fmt.Sprintf("A%d", row+2), []any{s.Note}); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (b *workbook) cells(cells []any) []any {
	out := make([]any, len(cells))
	for i, c := range cells {
		out[i] = c
		switch c := c.(type) {
		case *Amount:
			if f, exact := c.Float(); exact {
				out[i] = excelize.Cell{StyleID: b.money, Value: f}
			} else {
				out[i] = c.String() // a spreadsheet would round it
			}
		case string:
			if utf8.RuneCountInString(c) > maxCell {
				c = string([]rune(c)[:maxCell])
			}
			out[i] = c
		}
	}
	return out
}
