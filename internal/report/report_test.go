package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"ksefworker/internal/explain"
	"ksefworker/internal/report"
)

func amount(t testing.TB, text string) *report.Amount {
	t.Helper()
	a, err := report.ParseAmount(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestParseAmount_WhatTheFormAllows_IsExact(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0.00", "1": "1.00", "-1": "-1.00", "1.5": "1.50", "0.07": "0.07", "-0.07": "-0.07", "00012.30": "12.30",
		"9999999999999999.99": "9999999999999999.99", "-9999999999999999.99": "-9999999999999999.99",
	} {
		if got := amount(t, text).String(); got != want {
			t.Errorf("amount %s is written as %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "-", ".", "1.", ".5", "1.234", "1,5", "+1", " 1", "1e5", "--1", "1.2.3", "١",
		strings.Repeat("9", 21)} {
		if a, err := report.ParseAmount(text); err == nil {
			t.Errorf("%q was read as the amount %s, want an error", text, a)
		}
	}
}

func TestAmount_In_IsWrittenAsUsualInTheLanguage(t *testing.T) {
	for text, want := range map[string][2]string{
		"0.5": {"0,50", "0.50"}, "999": {"999,00", "999.00"}, "-1234.5": {"-1\u00a0234,50", "-1,234.50"},
		"1234567.89": {"1\u00a0234\u00a0567,89", "1,234,567.89"},
	} {
		a := amount(t, text)
		if pl, en := a.In(explain.Polish), a.In(explain.English); pl != want[0] || en != want[1] {
			t.Errorf("amount %s is shown as %q and %q, want %q", text, pl, en, want)
		}
	}
}

func TestAmount_AnySums_AgreeWithCountingInHundredths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sum, want := &report.Amount{}, int64(0)
		for range rapid.IntRange(0, 50).Draw(t, "n") {
			v := rapid.Int64Range(-1e12, 1e12).Draw(t, "v")
			sign, abs := "", v
			if v < 0 {
				sign, abs = "-", -v
			}
			a, err := report.ParseAmount(fmt.Sprintf("%s%d.%02d", sign, abs/100, abs%100))
			if err != nil {
				t.Fatal(err)
			}
			sum.Add(a)
			want += v
		}
		text := fmt.Sprintf("%03d", max(want, -want))
		text = text[:len(text)-2] + "." + text[len(text)-2:]
		if want < 0 {
			text = "-" + text
		}
		if sum.String() != text {
			t.Errorf("the sum is %s, want %s", sum, text)
		}
	})
}

var (
	base = time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	warn = base.Add(6 * time.Hour)
)

// facts are invoices of two tenants.
func facts(t testing.TB) []report.Fact {
	t.Helper()
	pln := func(text string) *report.Amount { return amount(t, text) }
	return []report.Fact{
		{
			ID: "a", Tenant: "T1", Day: "2026-11-25", State: "receipted", Gross: pln("100.10"), Currency: "PLN",
			Taken: base, Numbered: base.Add(time.Hour),
		},
		{
			ID: "b", Tenant: "T1", Day: "2026-11-25", State: "receipted", Gross: pln("-0.20"), Currency: "PLN",
			Taken: base, Numbered: base.Add(2 * time.Hour),
		},
		{ID: "c", Tenant: "T1", Day: "2026-11-25", State: "accepted", Gross: pln("7"), Currency: "EUR"},
		{ID: "d", Tenant: "T1", Day: "2026-11-26", State: "receipted", Gross: nil},
		{ID: "e", Tenant: "T2", Day: "2026-11-26", State: "rejected", Code: 450, Reason: "<Błąd>", Gross: pln("5.55"), Currency: "PLN"},
		{
			ID: "f", Tenant: "T2", Day: "2026-11-26", State: "rejected", Code: 450, Reason: "=HYPERLINK(1)",
			Gross: pln("5.55"), Currency: "PLN",
		},
		{
			ID: "g", Tenant: "T2", Number: "=1+1", Day: "2026-11-26", State: "queued", Gross: pln("1"),
			Currency: "PLN", Deadline: base.Add(time.Hour),
		},
		{ID: "h", Tenant: "T2", Day: "2026-11-26", State: "sent", Gross: pln("1"), Currency: "PLN", Deadline: base.Add(-time.Hour)},
		{ID: "i", Tenant: "T2", Day: "2026-11-26", State: "queued", Gross: pln("1"), Currency: "PLN", Deadline: base.Add(48 * time.Hour)},
		{ID: "j", Tenant: "T2", Day: "2026-11-26", State: "refused"},
	}
}

func collect(all []report.Fact) report.Report {
	c := &report.Collector{RiskBefore: warn}
	for _, f := range all {
		c.Add(f)
	}
	r := c.Report()
	r.From, r.To, r.Made = "2026-11-01", "2026-11-30", base
	return r
}

func TestCollector_AnyOrderOfFacts_GivesTheSameReport(t *testing.T) {
	all := facts(t)
	want, err := json.Marshal(collect(all))
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(20) {
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		got, err := json.Marshal(collect(all))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("seed %d: the report depends on the order of the facts: %v\n%s\nwant\n%s", seed, err, got, want)
		}
	}
}

func TestCollector_Facts_AreCountedAndNothingIsGuessed(t *testing.T) {
	r := collect(facts(t))
	var got []string
	for _, l := range r.ByTenant() {
		got = append(got, fmt.Sprintf("%s %s %q %d %s %d", l.Tenant, l.State, l.Currency, l.Invoices, l.Sum, l.Unknown))
	}
	want := []string{`T1 accepted "EUR" 1 7.00 0`, `T1 receipted "" 1 0.00 1`, `T1 receipted "PLN" 2 99.90 0`,
		`T2 queued "PLN" 2 2.00 0`, `T2 sent "PLN" 1 1.00 0`, `T2 rejected "PLN" 2 11.10 0`, `T2 refused "" 1 0.00 1`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the lines by tenant are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(r.Reasons) != 2 || r.Reasons[0].Why.Name() != "invoice/450" || r.Reasons[0].Invoices != 2 || r.Reasons[0].Example.ID != "e" {
		t.Errorf("the reasons are %+v, want two, first 450 with two invoices and e as the example", r.Reasons)
	}
	if len(r.Slowest) != 2 || r.Slowest[0].ID != "b" || r.Untimed != 2 {
		t.Errorf("the slowest are %+v, with %d untimed, want two, first b, and two untimed", r.Slowest, r.Untimed)
	}
	if len(r.AtRisk) != 2 || r.AtRisk[0].ID != "h" || r.AtRisk[1].ID != "g" || r.AtRiskCount != 2 {
		t.Errorf("the invoices at risk are %+v, %d in all, want h and g, two in all", r.AtRisk, r.AtRiskCount)
	}
	// If no part of a sum is known, its cell is empty.
	for _, row := range r.Sections(explain.Polish)[0].Rows {
		if row[2] == "" && row[4] != "" {
			t.Errorf("no amount of the row %v is known, but it has a sum, want an empty cell", row)
		}
	}
}

func TestCollector_ManyFacts_ListsAreBoundedAndCountsAreNot(t *testing.T) {
	c := &report.Collector{RiskBefore: warn}
	const n = 5000
	for i := range n {
		c.Add(report.Fact{
			ID: fmt.Sprintf("q%05d", i), State: "queued", Day: "2026-11-26",
			Deadline: base.Add(-time.Duration(i) * time.Second),
		})
		c.Add(report.Fact{
			ID: fmt.Sprintf("r%05d", i), State: "receipted", Day: "2026-11-26", Taken: base,
			Numbered: base.Add(time.Duration(i) * time.Second),
		})
	}
	r := c.Report()
	if r.Invoices() != 2*n || r.AtRiskCount != n || len(r.AtRisk) != report.MaxListed || len(r.Slowest) != 20 {
		t.Errorf("%d invoices, %d at risk of which %d are listed, %d slowest; want 10000, 5000 of which MaxListed are listed, 20",
			r.Invoices(), r.AtRiskCount, len(r.AtRisk), len(r.Slowest))
	}
	if r.AtRisk[0].ID != "q04999" || r.Slowest[0].ID != "r04999" {
		t.Errorf("the first at risk is %s and the slowest is %s, want q04999 and r04999", r.AtRisk[0].ID, r.Slowest[0].ID)
	}
}

func TestWriteXLSX_Amounts_AreNumbersAndTextIsNoFormula(t *testing.T) {
	for _, lang := range []explain.Language{explain.Polish, explain.English} {
		var out bytes.Buffer
		if err := collect(facts(t)).WriteXLSX(&out, lang); err != nil {
			t.Fatal(err)
		}
		f, err := excelize.OpenReader(&out)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(f.GetSheetList()); n != 6 {
			t.Fatalf("the file has %d sheets, want 6: %v", n, f.GetSheetList())
		}
		rows, err := f.GetRows(f.GetSheetName(0), excelize.Options{RawCellValue: true})
		if err != nil {
			t.Fatal(err)
		}
		var found bool
		for i, row := range rows {
			if len(row) < 6 || row[2] != "receipted" || row[3] != "PLN" {
				continue
			}
			found = true
			kind, err := f.GetCellType(f.GetSheetName(0), fmt.Sprintf("F%d", i+1))
			if err != nil || row[5] != "99.9" || kind != excelize.CellTypeNumber && kind != excelize.CellTypeUnset {
				t.Errorf("the cell of the sum is %q of type %v, want 99.9 as a number; %v", row[5], kind, err)
			}
		}
		if !found {
			t.Errorf("the sum is not in the first sheet: %v", rows)
		}
		for _, sheet := range f.GetSheetList() {
			rows, err := f.GetRows(sheet)
			if err != nil {
				t.Fatal(err)
			}
			for r, row := range rows {
				for c := range row {
					cell, _ := excelize.CoordinatesToCellName(c+1, r+1)
					if formula, err := f.GetCellFormula(sheet, cell); err != nil || formula != "" {
						t.Errorf("sheet %s, cell %s has the formula %q, want none; %v", sheet, cell, formula, err)
					}
				}
			}
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestWriteHTML_AnyReport_IsOnePageWithChartsAndNothingFromOutside(t *testing.T) {
	for name, r := range map[string]report.Report{"some": collect(facts(t)), "none": collect(nil)} {
		for lang, words := range map[explain.Language][]string{
			explain.Polish: {"Zestawienie faktur", "Odrzucona przez KSeF", "Błąd weryfikacji semantyki dokumentu faktury",
				"Zagrożone terminem"},
			explain.English: {"Report of invoices", "Rejected by KSeF", "Semantic verification failed",
				"At risk of missing their deadline"},
		} {
			var out bytes.Buffer
			if err := r.WriteHTML(&out, lang); err != nil {
				t.Fatal(err)
			}
			page := out.String()
			if name == "none" {
				words = words[:1]
			}
			for _, want := range words {
				if !strings.Contains(page, want) {
					t.Errorf("%s, %s: the page lacks %q", name, lang, want)
				}
			}
			for _, outside := range []string{"<script", "http://", "https://", "<link", "@import", "url(", "ZgotmplZ", "<Błąd>"} {
				if strings.Contains(page, outside) {
					t.Errorf("%s, %s: the page contains %q, want nothing from outside", name, lang, outside)
				}
			}
			charts := strings.Count(page, "<svg")
			if want := map[string]int{"some": 3, "none": 0}[name]; charts != want { // invoices, EUR, PLN
				t.Errorf("%s, %s: %d charts, want %d", name, lang, charts, want)
			}
			for rest := page; strings.Contains(rest, "<svg"); {
				from, to := strings.Index(rest, "<svg"), strings.Index(rest, "</svg>")+len("</svg>")
				wellFormed(t, rest[from:to])
				rest = rest[to:]
			}
		}
	}
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("the chart is not well-formed: %v\n%.400s", err, text)
		}
	}
}
