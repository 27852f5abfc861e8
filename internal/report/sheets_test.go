package report

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

func TestSheets_RowsOfText_AreReadByASpreadsheetProgramAsTheyAre(t *testing.T) {
	var b bytes.Buffer
	s := NewSheets(&b, "Do wyjaśnienia", []string{"Numer <P_2>", "Kod", "Tekst"})
	s.full = 3 // rows in a sheet
	want := [][]string{{"=1+1", "450", "zażółć & \"<gęślą>\""}, {"_x0041_", "", " z przodu"}, {"a\x01b", "0", strings.Repeat("ż", 40_000)}}
	for _, row := range [][]any{{"=1+1", 450, want[0][2]}, {"_x0041_", "", " z przodu"}, {"a\x01b", 0, want[2][2]}} {
		if err := s.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Row([]any{1.5}); err == nil {
		t.Error("a cell that is neither a string nor an int is accepted")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want[2][0], want[2][2] = "a\uFFFDb", strings.Repeat("ż", maxCell)
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.GetSheetList(); !reflect.DeepEqual(got, []string{"Do wyjaśnienia", "Do wyjaśnienia 2"}) {
		t.Fatalf("the sheets are %q, want two, the second with a number in its name", got)
	}
	one, err1 := f.GetRows("Do wyjaśnienia")
	two, err2 := f.GetRows("Do wyjaśnienia 2")
	if err1 != nil || err2 != nil || len(one) != 3 || len(two) < 2 || one[0][0] != "Numer <P_2>" || two[0][0] != "Numer <P_2>" {
		t.Fatalf("the two sheets do not both have the head and their rows: %v %v: %.200q %.200q", err1, err2, one, two)
	}
	if got := [][]string{one[1], one[2], two[1]}; !reflect.DeepEqual(got, want) {
		t.Errorf("the rows are %.200q, want the texts that were written, cut to what a cell may hold", got)
	}
	if formula, err := f.GetCellFormula("Do wyjaśnienia", "A2"); formula != "" || err != nil {
		t.Errorf("a text became the formula %q, want no formula; %v", formula, err)
	}
}

func TestSheets_NoRows_HasTheHead(t *testing.T) {
	var b bytes.Buffer
	if err := NewSheets(&b, strings.Repeat("ą", 40), []string{"Numer"}).Close(); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if rows, err := f.GetRows(strings.Repeat("ą", maxSheetName)); err != nil || len(rows) != 1 {
		t.Errorf("the rows are %q, %v, want the head alone", rows, err)
	}
}

func TestSheets_ManyRows_NeedNoMoreMemory(t *testing.T) {
	held := func(rows int) uint64 {
		s := NewSheets(io.Discard, "x", []string{"a", "b"})
		for i := range rows {
			if err := s.Row([]any{fmt.Sprint("number ", i), i}); err != nil {
				t.Fatal(err)
			}
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return m.HeapAlloc
	}
	few := held(100)
	if many := held(100_000); many > few+4<<20 {
		t.Errorf("the sheet holds %d bytes with few rows and %d with many, want 4 MB more at most", few, many)
	}
}
