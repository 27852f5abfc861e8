package page

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"ksefworker/internal/audit"
	"ksefworker/internal/report"
)

// table is a file of rows that a spreadsheet program opens.
type table interface {
	Row(cells []any) error
	Close() error
}

// semicolons is a table as CSV. Polish spreadsheet programs expect semicolons, and recognise UTF-8
// by a byte order mark only.
type semicolons struct{ *csv.Writer }

func newSemicolons(w io.Writer, head []string) semicolons {
	_, _ = io.WriteString(w, "\uFEFF") // Close returns the first error of a connection
	s := semicolons{csv.NewWriter(w)}
	s.Comma = ';'
	_ = s.Write(head)
	return s
}

func (s semicolons) Row(cells []any) error {
	line := make([]string, len(cells))
	for i, c := range cells {
		line[i] = guarded(fmt.Sprint(c))
	}
	return s.Write(line)
}

func (s semicolons) Close() error {
	s.Flush()
	return s.Error()
}

// export sends a table, as CSV or, where the path says so, as XLSX. rows calls send with the rows
// of the table, piece by piece. An error before the first piece is shown to the person. After a
// later error, export cuts the connection, so that the browser says that the file is not complete.
func (v *visit) export(what string, q *question, name, title string, head []string, rows func(send func([][]any) error) error) error {
	select {
	case v.p.exports <- struct{}{}:
		defer func() { <-v.p.exports }()
	default:
		return &shown{http.StatusServiceUnavailable, "Other lists are being exported. Try again in a moment.", nil}
	}
	if err := v.p.o.Audit.Begin(v.ctx(), audit.Entry{Who: v.User.Name, What: what, Tenant: q.Tenant}); err != nil {
		return err
	}
	var out table
	send := func(rows [][]any) error {
		if out == nil {
			out = v.beginTable(name, title, head)
		}
		// The server's write deadline is meant for a page, so each piece gets a new one. The error
		// of a connection without deadlines does not matter.
		_ = http.NewResponseController(v.w).SetWriteDeadline(time.Now().Add(pieceTime))
		for _, cells := range rows {
			if err := out.Row(cells); err != nil {
				return err
			}
		}
		return nil
	}
	err := rows(send)
	if err != nil && out == nil {
		return err
	}
	if err == nil {
		err = send(nil) // writes the head of a table that had no piece
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		if !v.gone() {
			v.p.o.Log.Error().Err(err).Str("path", v.r.URL.Path).Msg("an export was broken off")
		}
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (v *visit) beginTable(name, title string, head []string) table {
	titles := make([]string, len(head))
	for i := range head {
		titles[i] = v.T(head[i])
	}
	h := v.w.Header()
	if strings.HasSuffix(v.r.URL.Path, ".xlsx") {
		h.Set("Content-Type", spreadsheet)
		h.Set("Content-Disposition", `attachment; filename="`+name+`.xlsx"`)
		return report.NewSheets(v.w, title, titles)
	}
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	return newSemicolons(v.w, titles)
}

const spreadsheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// guarded puts an apostrophe before text that would begin a formula. Otherwise a spreadsheet
// program would run what somebody put into a file name or an invoice number. Control characters
// become blanks.
func guarded(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
