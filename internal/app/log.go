package app

import (
	"io"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
)

// NewLog makes the process's log: one JSON object a line, or lines for people. The level was checked by the configuration; an unknown one is info.
func NewLog(c config.Log, w io.Writer) zerolog.Logger {
	if c.Format == "console" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: true}
	}
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		level = zerolog.InfoLevel
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}
