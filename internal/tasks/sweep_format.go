package tasks

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"ksefworker/internal/ledger"
)

// formatNews remembers what the log says of the ledger's format, so that each thing is said once.
type formatNews struct {
	mu   sync.Mutex
	said string
}

// advanceFormat leads the ledger towards the newest format that every living process reads.
func (sw *sweeper) advanceFormat(ctx context.Context) error {
	s, err := sw.Ledger.Advance(ctx, sw.o.UpgradeAfter)
	if err != nil {
		return err
	}
	news := &sw.format
	news.mu.Lock()
	defer news.mu.Unlock()
	text := tellFormat(&s)
	if s.Changed && s.Writes == ledger.Format {
		text = fmt.Sprintf("the ledger is written in format %d now", s.Writes)
	}
	if text != news.said && text != "" {
		sw.o.Log.Info().Int("format", s.Format).Int("written", s.Writes).Int("reads", ledger.Format).Msg(text)
	}
	news.said = text
	return nil
}

// maxBehind bounds how many processes one line names.
const maxBehind = 5

// tellFormat says what a newer format waits for; "" when it waits for nothing.
func tellFormat(s *ledger.FormatStatus) string {
	switch behind := s.Behind; {
	case s.Format == 0 || s.Writes >= ledger.Format:
		return ""
	case len(behind) > 0:
		more := ""
		if len(behind) > maxBehind {
			more = fmt.Sprintf(" and %d more", len(behind)-maxBehind)
			behind = behind[:maxBehind]
		}
		return fmt.Sprintf("the ledger stays in format %d until processes of an earlier build have ended: %s%s",
			s.Writes, strings.Join(behind, ", "), more)
	case s.Format > s.Writes:
		return fmt.Sprintf("earlier builds are refused now; format %d is written when ledger.upgrade_after has passed", s.Format)
	}
	return fmt.Sprintf("every process reads format %d of the ledger; "+
		"earlier builds are refused when ledger.upgrade_after has passed", s.Next)
}
