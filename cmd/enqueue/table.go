package main

import (
	"strings"
	"unicode/utf8"
)

// columns prints rows one at a time. On a terminal it aligns the cells; elsewhere it separates them
// by tabs, for programs. A column is as wide as its widest cell so far, because the rows that
// follow are not known yet.
type columns struct {
	s      *screen
	widths []int
}

// maxWidth bounds the width to which the type columns aligns cells, so that one long path does not
// push the other columns off the screen in all rows after it.
const maxWidth = 60

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
		c.widths[i] = min(max(c.widths[i], utf8.RuneCountInString(cell)), maxWidth)
	}
	c.s.raw(aligned(cells, c.widths))
}

// table prints a head and rows, all of which are known before the first is printed.
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
