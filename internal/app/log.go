package app

import (
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rs/zerolog"

	"ksefworker/config"
)

// NewLog makes the process's log: one JSON object a line, or lines for people. The level was checked by the configuration; an unknown one is info.
func NewLog(c config.Log, w io.Writer) zerolog.Logger {
	if c.Format == "console" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: true, FormatMessage: func(m any) string { return oneLine(m) }}
	}
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		level = zerolog.InfoLevel
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}

// oneLine makes a message fit for a terminal: the console writer quotes the values of fields but writes
// messages as they are, and some end in words of KSeF's. What is not printable is escaped, so that a
// line stays a line and no escape sequence reaches the terminal.
func oneLine(message any) string {
	text, _ := message.(string)
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
