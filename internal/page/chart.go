package page

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"ksefworker/internal/figures"
	"ksefworker/internal/invoice"
)

// chart is a picture of figures. Head and Rows have the same figures as a table.
type chart struct {
	Title  string
	SVG    template.HTML
	Legend []legend
	Head   []string
	Rows   [][]string
	Empty  bool
}

type legend struct{ Class, Text string }

const (
	chartWidth, chartHeight = 640, 200
	chartLeft, chartTop     = 44, 8
	chartBottom             = 24
)

// charts returns the charts of the last 24 hours and of the last 30 days, with the sums of these
// tenants.
func (v *charting) charts(tenants ...string) ([]chart, error) {
	now := v.p.o.Now()
	hours, err := v.p.o.Figures.LastHours(v.ctx(), now, 24, tenants...)
	if err != nil {
		return nil, err
	}
	days, err := v.p.o.Figures.LastDays(v.ctx(), now, 30, tenants...)
	if err != nil {
		return nil, err
	}
	hour := func(t time.Time) string { return t.In(invoice.Warsaw()).Format("15:04") }
	day := func(t time.Time) string { return t.In(invoice.Warsaw()).Format("02.01") }
	return []chart{
		v.bars(v.T("Decided in the last 24 hours"), hours, hour, 4),
		v.lines(v.T("Time to the KSeF number in the last 24 hours"), hours, hour, 4),
		v.bars(v.T("Decided in the last 30 days"), days, day, 5),
		v.lines(v.T("Time to the KSeF number in the last 30 days"), days, day, 5),
	}, nil
}

// bars draws how many invoices were accepted, rejected and parked. A bar has a label if its index
// is a multiple of every.
func (v *charting) bars(title string, all []figures.Figures, label func(time.Time) string, every int) chart {
	c := chart{Title: title, Head: []string{v.T("From"), v.T("Accepted"), v.T("Rejected"), v.T("Parked")}, Empty: true}
	c.Legend = []legend{{"c0", v.T("Accepted")}, {"c1", v.T("Rejected")}, {"c2", v.T("Parked")}}
	highest, sum := int64(0), figures.Figures{}
	for _, f := range all {
		highest = max(highest, f.Accepted+f.Rejected+f.Parked)
		sum.Add(f)
		c.Rows = append(c.Rows, []string{v.words.When(f.From), number(f.Accepted), number(f.Rejected), number(f.Parked)})
	}
	c.Empty = highest == 0
	top := niceTop(float64(highest))
	d := newDrawing(fmt.Sprintf("%s: %s %s, %s %s, %s %s", title, v.T("Accepted"), number(sum.Accepted), v.T("Rejected"),
		number(sum.Rejected), v.T("Parked"), number(sum.Parked)))
	d.grid(func(share float64) string { return number(int64(top * share)) })
	step := float64(chartWidth-chartLeft) / float64(len(all))
	for i, f := range all {
		x, y := chartLeft+step*float64(i), float64(chartHeight-chartBottom)
		for part, n := range []int64{f.Accepted, f.Rejected, f.Parked} {
			h := float64(chartHeight-chartBottom-chartTop) * float64(n) / top
			if y -= h; n > 0 {
				d.add(`<rect class="c%d" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, part, x+step*.1, y, step*.8, max(h, 1))
			}
		}
		if i%every == 0 {
			d.text(x+step/2, label(f.From))
		}
	}
	c.SVG = d.end()
	return c
}

// lines draws the times within which half and 95% of the accepted invoices got their KSeF number. A
// point has a label if its index is a multiple of every.
func (v *charting) lines(title string, all []figures.Figures, label func(time.Time) string, every int) chart {
	half, most := v.T("half within"), v.T("95% within")
	c := chart{Title: title, Head: []string{v.T("From"), half, most}, Empty: true,
		Legend: []legend{{"l0", half}, {"l1", most}}}
	var points [2][]float64
	highest, sum := 0.0, figures.Figures{}
	for i := range all {
		row := []string{v.words.When(all[i].From)}
		for line, q := range []float64{.5, .95} {
			took, ok := all[i].Quantile(q)
			at := -1.0
			text := "–"
			if ok {
				at, text = took.Seconds(), v.words.Span(took)
				highest = max(highest, at)
			}
			points[line], row = append(points[line], at), append(row, text)
		}
		c.Rows = append(c.Rows, row)
		sum.Add(all[i])
	}
	c.Empty = highest == 0
	summary := title
	if p50, ok := sum.Quantile(.5); ok {
		p95, _ := sum.Quantile(.95)
		summary += fmt.Sprintf(": %s %s, %s %s", half, v.words.Span(p50), most, v.words.Span(p95))
	}
	top := niceSpan(highest)
	d := newDrawing(summary)
	d.grid(func(share float64) string { return v.words.Span(time.Duration(top * share * float64(time.Second))) })
	step := float64(chartWidth-chartLeft) / float64(len(all))
	for line := range points {
		d.line(points[line], step, top, line)
	}
	for i, f := range all {
		if i%every == 0 {
			d.text(chartLeft+step*(float64(i)+.5), label(f.From))
		}
	}
	c.SVG = d.end()
	return c
}

// drawing is an SVG under construction. Every text that goes into it is escaped.
type drawing struct{ b strings.Builder }

func newDrawing(summary string) *drawing {
	d := &drawing{}
	d.add(`<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartWidth, chartHeight, template.HTMLEscapeString(summary))
	return d
}

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

// grid draws horizontal lines at 0, 50 and 100% of the axis, each with its value.
func (d *drawing) grid(label func(share float64) string) {
	for i := range 3 {
		share := float64(2-i) / 2
		y := chartTop + float64(chartHeight-chartBottom-chartTop)*(1-share)
		d.add(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="axis" x="%d" y="%.1f" text-anchor="end">%s</text>`,
			chartLeft, chartWidth, y, y, chartLeft-6, y+4, template.HTMLEscapeString(label(share)))
	}
}

func (d *drawing) text(x float64, s string) {
	d.add(`<text class="axis" x="%.1f" y="%d" text-anchor="middle">%s</text>`, x, chartHeight-6, template.HTMLEscapeString(s))
}

// line draws points, with a line between neighbours. A negative value stands for no point.
func (d *drawing) line(points []float64, step, top float64, class int) {
	var path strings.Builder
	before := false
	for i, p := range points {
		if p < 0 {
			before = false
			continue
		}
		x := chartLeft + step*(float64(i)+.5)
		y := chartTop + float64(chartHeight-chartBottom-chartTop)*(1-p/top)
		verb := "M"
		if before {
			verb = "L"
		}
		before = true
		fmt.Fprintf(&path, "%s%.1f %.1f", verb, x, y)
		d.add(`<circle class="p%d" cx="%.1f" cy="%.1f" r="3"/>`, class, x, y)
	}
	if path.Len() > 0 {
		d.add(`<path class="l%d" d="%s"/>`, class, path.String())
	}
}

func (d *drawing) end() template.HTML {
	d.b.WriteString("</svg>")
	return template.HTML(d.b.String())
}

// niceTop returns the end of an axis for counts up to highest: 2, 4, 10, 20, 40, 100 and so on.
func niceTop(highest float64) float64 {
	for top := 1.0; ; top *= 10 {
		for _, times := range []float64{2, 4, 10} {
			if top*times >= highest {
				return top * times
			}
		}
	}
}

// niceSpan returns the end of an axis for seconds up to highest.
func niceSpan(highest float64) float64 {
	for _, top := range []float64{10, 60, 120, 600, 1200, 3600, 7200, 6 * 3600, 12 * 3600} {
		if top >= highest {
			return top
		}
	}
	return 24 * 3600
}
