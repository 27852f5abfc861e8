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

// NewLog makes the logger of a process. It writes one JSON object a line, or lines for people when
// the format is "console". The configuration has checked the level; an unknown one counts as info.
func NewLog(c config.Log, w io.Writer) zerolog.Logger {
	if c.Format == "console" {
		w = zerolog.ConsoleWriter{
			Out: w, TimeFormat: time.TimeOnly, NoColor: true,
			FormatMessage: func(m any) string { return oneLine(m) },
		}
	}
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		level = zerolog.InfoLevel
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}

// oneLine makes a message safe for a terminal. The console writer quotes the values of fields but
// writes messages as they are, and some messages end with text from KSeF. Unprintable characters
// are escaped. So a message stays one line, and no escape sequence reaches the terminal.
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
