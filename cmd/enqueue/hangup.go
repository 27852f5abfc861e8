package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"
)

// ignoreHangup keeps a service from being killed by SIGHUP, until the program ends. Operators send
// the signal to have a configuration read again. For each SIGHUP it logs the text rereads, which
// names what the service reads again without a signal. Commands that a person waits for at a
// terminal do not call ignoreHangup, because they have to end with the terminal.
func ignoreHangup(log zerolog.Logger, rereads string) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for range signals {
			log.Info().Msg("SIGHUP: " + rereads + " automatically; restart for any other change")
		}
	}()
}
