package app

import (
	"bytes"
	"strings"
	"testing"

	"ksefworker/config"
)

// Text from KSeF cannot forge a line of the log or send escape sequences to the terminal.
func TestLog_ConsoleFormat_EscapesUnprintableCharacters(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(config.Log{Format: "console", Level: "info"}, &out)
	log.Warn().Str("reason", "b\nc\x1b[2J").Msg("session is 405, zła\n12:00:00 INF forged\x1b[31m\u0085\u202e")
	got := out.String()
	if strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\x1b\u0085\u202e") {
		t.Errorf("the console shows %q, want one line without escape sequences", got)
	}
	if !strings.Contains(got, "zła") || !strings.Contains(got, `\n12:00:00 INF forged`) {
		t.Errorf("the console shows %q, want the letter ł as it is and the line end escaped", got)
	}
}
