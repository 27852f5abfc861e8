package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"
)

// ignoreHangup keeps a long-running program from being killed by SIGHUP, until the program ends.
// Operators send the signal to have a configuration read again.
func ignoreHangup(log zerolog.Logger) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for range signals {
			log.Info().Msg("SIGHUP: files of keys are read again by themselves; restart for any other change")
		}
	}()
}
