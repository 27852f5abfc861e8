package main

import (
	"strings"
	"unicode/utf8"
)

// columns prints rows one at a time, as they come: apart by tabs where a program reads, aligned where a person does. It can't know what comes, so a column grows with its widest cell
// so far.
type columns struct {
	s      *screen
	widths []int
}

// widest keeps one long path from pushing everything else off the screen.
const widest = 60

func (c *columns) row(cells ...string) {
	for i := range cells {
		cells[i] = clean(cells[i])
		if cells[i] == "" {
			cells[i] = "-"
		}
	}
	if !c.s.terminal() {
		c.s.raw(strings.Join(cells, "\t"))
		return
	}
	for len(c.widths) < len(cells) {
		c.widths = append(c.widths, 0)
	}
	for i, cell := range cells {
		c.widths[i] = min(max(c.widths[i], utf8.RuneCountInString(cell)), widest)
	}
	c.s.raw(aligned(cells, c.widths))
}

// table prints rows that are all known, under a head.
func table(s *screen, head []string, rows [][]string) {
	widths := make([]int, len(head))
	for _, row := range append([][]string{head}, rows...) {
		for i := range row {
			row[i] = clean(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	s.raw(aligned(head, widths))
	for _, row := range rows {
		s.raw(aligned(row, widths))
	}
}

func aligned(cells []string, widths []int) string {
	var b strings.Builder
	for i, cell := range cells {
		b.WriteString(cell)
		if i < len(cells)-1 {
			b.WriteString(strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell))+2))
		}
	}
	return b.String()
}
