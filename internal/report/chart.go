package report

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"ksefworker/internal/explain"
	"ksefworker/internal/ledger"
)

// bar is one day of a chart.
type bar struct {
	Day   string
	Parts []float64 // from the bottom up, none negative
	Title string    // shown under the mouse pointer, and read aloud by screen readers
}

// chart is a bar chart as inline SVG.
type chart struct {
	Title  string
	Legend []string // of the parts
	SVG    template.HTML
}

const (
	chartWidth, chartHeight = 900.0, 220.0
	chartLeft, chartBottom  = 90.0, 40.0
	maxDayLabels            = 12
)

// charts draws one chart of how many invoices each day had, and for each currency a chart of the
// sums that KSeF accepted. The currency with the most invoices comes first.
func (r Report) charts(l explain.Language) []chart {
	w := wordsIn(l)
	counts := map[string]*[3]int{}
	var days []string
	for _, line := range r.ByDay() {
		if counts[line.Day] == nil {
			counts[line.Day] = &[3]int{}
			days = append(days, line.Day)
		}
		counts[line.Day][groupOf(line.State)] += line.Invoices
	}
	legend := []string{w.InKSeF, w.Waiting, w.Stopped}
	var bars []bar
	for _, day := range days {
		n := counts[day]
		bars = append(bars, bar{Day: day, Parts: []float64{float64(n[0]), float64(n[1]), float64(n[2])},
			Title: fmt.Sprintf("%s: %s %d, %s %d, %s %d", day, legend[0], n[0], legend[1], n[1], legend[2], n[2])})
	}
	if len(bars) == 0 {
		return nil
	}
	all := []chart{{Title: w.ChartInvoices, Legend: legend, SVG: draw(w.ChartInvoices, bars)}}
	return append(all, r.sumCharts(w, days)...)
}

// sumCharts draws the sums of each currency. Days on which corrections outweigh invoices have no
// bar; their title has the sum.
func (r Report) sumCharts(w words, days []string) []chart {
	sums := map[string]map[string]*Amount{} // by currency and day
	invoices := map[string]int{}
	for _, line := range r.Lines {
		if !ledger.State(line.State).InKSeF() || line.Invoices == line.Unknown {
			continue
		}
		if sums[line.Currency] == nil {
			sums[line.Currency] = map[string]*Amount{}
		}
		if sums[line.Currency][line.Day] == nil {
			sums[line.Currency][line.Day] = &Amount{}
		}
		sums[line.Currency][line.Day].Add(line.Sum)
		invoices[line.Currency] += line.Invoices
	}
	currencies := slices.SortedFunc(maps.Keys(sums), func(a, b string) int {
		return cmp.Or(-cmp.Compare(invoices[a], invoices[b]), cmp.Compare(a, b))
	})
	var all []chart
	for _, currency := range currencies {
		var bars []bar
		for _, day := range days {
			sum := cmp.Or(sums[currency][day], &Amount{})
			height, _ := sum.Float()
			bars = append(bars, bar{
				Day: day, Parts: []float64{max(height, 0)},
				Title: day + ": " + sum.In(explain.Language(w.Lang)) + " " + currency,
			})
		}
		title := w.ChartSums + ", " + currency
		all = append(all, chart{Title: title, SVG: draw(title, bars)})
	}
	return all
}

// groupOf sorts the states into the three parts of a bar.
func groupOf(state string) int {
	switch s := ledger.State(state); {
	case s.InKSeF():
		return 0
	case stateOrder(state) < len(ledger.States()) && !s.Final():
		return 1
	}
	return 2
}

// draw draws bars. It escapes every text; the numbers come from this package.
func draw(title string, bars []bar) template.HTML {
	highest := 0.0
	for _, b := range bars {
		highest = max(highest, sumOf(b.Parts))
	}
	top := niceTop(highest)
	var out strings.Builder
	fmt.Fprintf(&out, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, chartWidth, chartHeight, template.HTMLEscapeString(title))
	height := chartHeight - chartBottom - 10
	for i := range 5 { // lines at the quarters
		y := 10 + height*float64(i)/4
		fmt.Fprintf(&out, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/><text class="axis" x="%g" y="%.1f" text-anchor="end">%s</text>`,
			chartLeft, chartWidth, y, y, chartLeft-6, y+4, short(top*float64(4-i)/4))
	}
	step := (chartWidth - chartLeft) / float64(len(bars))
	every := (len(bars) + maxDayLabels - 1) / maxDayLabels
	for i, b := range bars {
		x, y := chartLeft+step*float64(i), 10+height
		out.WriteString(`<g>`)
		for part, value := range b.Parts {
			h := height * value / top
			y -= h
			if value > 0 {
				fmt.Fprintf(&out, `<rect class="part%d" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`,
					part, x+step*0.1, y, step*0.8, h)
			}
		}
		// The whole column answers to the mouse, whatever the height of the bar.
		fmt.Fprintf(&out, `<rect class="hit" x="%.1f" y="10" width="%.1f" height="%.1f"><title>%s</title></rect></g>`,
			x, step, height, template.HTMLEscapeString(b.Title))
		if i%every == 0 {
			fmt.Fprintf(&out, `<text class="axis" x="%.1f" y="%.1f">%s</text>`, x, chartHeight-chartBottom+18,
				template.HTMLEscapeString(b.Day))
		}
	}
	out.WriteString(`</svg>`)
	return template.HTML(out.String())
}

func sumOf(parts []float64) float64 {
	sum := 0.0
	for _, p := range parts {
		sum += p
	}
	return sum
}

// niceTop is the end of the axis: 4, 8, 20, 40, 80, 200 and so on, so that quarters are whole.
func niceTop(highest float64) float64 {
	for top := 4.0; ; top *= 10 {
		for _, times := range []float64{1, 2, 5} {
			if top*times >= highest {
				return top * times
			}
		}
	}
}

// short writes a number of the axis.
func short(v float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= unit.size {
			return fmt.Sprintf("%g%s", v/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%g", v)
}
