package main

import (
	"fmt"
	"strings"
	"time"

	"ksefworker/internal/intake"
)

// progress shows the progress of a wait. On a terminal it redraws a bar in place; elsewhere it
// prints a line from time to time.
type progress struct {
	s     *screen
	began time.Time
	last  time.Time
	shown intake.Standing
	drawn bool
}

// Outside a terminal, a line is printed after linePause if something has changed. If nothing has
// changed, a line is printed after idlePause, to show that the program still runs.
const (
	linePause = 5 * time.Second
	idlePause = time.Minute
)

func newProgress(s *screen) *progress {
	now := time.Now()
	return &progress{s: s, began: now, last: now}
}

func (p *progress) show(st intake.Standing) {
	now := time.Now()
	line := progressText(st, now.Sub(p.began))
	if p.s.terminal() {
		// Go to the start of the line, write the text, and clear the rest of the line.
		_, _ = p.s.Write([]byte("\r" + withBar(st, line, p.s.width()) + "\x1b[K"))
		p.drawn = true
		_ = p.s.flush()
		return
	}
	wait := linePause
	if st == p.shown {
		wait = idlePause
	}
	if now.Sub(p.last) < wait {
		return
	}
	p.last, p.shown = now, st
	p.s.println("enqueue: " + line)
	_ = p.s.flush()
}

// clear removes the bar from the terminal.
func (p *progress) clear() {
	if p.drawn {
		_, _ = p.s.Write([]byte("\r\x1b[K"))
		_ = p.s.flush()
	}
}

func progressText(st intake.Standing, since time.Duration) string {
	s := fmt.Sprintf("%d of %d decided: %d accepted", st.Decided(), st.Total, st.Accepted)
	if st.Rejected > 0 {
		s += fmt.Sprintf(", %d rejected", st.Rejected)
	}
	if st.Parked > 0 {
		s += fmt.Sprintf(", %d parked", st.Parked)
	}
	if st.Ended > 0 {
		s += fmt.Sprintf(", %d dismissed or superseded", st.Ended)
	}
	s += " after " + since.Round(time.Second).String()
	if st.Err != nil {
		s += "; Redis does not answer, still trying"
	}
	return s
}

// withBar puts a bar before the text when the line is wide enough for bar and text. It cuts text
// that is too long, because a line that wraps cannot be redrawn in place.
func withBar(st intake.Standing, text string, width int) string {
	const minBar, maxBar = 10, 40
	bar := width - 1 - len(text) - 3
	if bar < minBar || st.Total == 0 {
		return text[:min(len(text), max(0, width-1))]
	}
	bar = min(bar, maxBar)
	full := bar * st.Decided() / st.Total
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", bar-full) + "] " + text
}
