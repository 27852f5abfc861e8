package main

import (
	"fmt"
	"strings"
	"time"

	"ksefworker/internal/intake"
)

// progress shows how waiting goes: a bar that is drawn over on a terminal, elsewhere a line now and then.
type progress struct {
	s     *screen
	began time.Time
	last  time.Time
	shown intake.Standing
	drawn bool
}

// Lines in a log come at most every plainEvery, and only when something moved, or every plainAnyway as a sign of life.
const (
	plainEvery  = 5 * time.Second
	plainAnyway = time.Minute
)

func newProgress(s *screen) *progress {
	now := time.Now()
	return &progress{s: s, began: now, last: now}
}

func (p *progress) show(st intake.Standing) {
	now := time.Now()
	line := progressText(st, now.Sub(p.began))
	if p.s.terminal() {
		// To the start of the line, the text, and the rest of the line cleared.
		_, _ = p.s.Write([]byte("\r" + barred(st, line, p.s.width()) + "\x1b[K"))
		p.drawn = true
		_ = p.s.flush()
		return
	}
	wait := plainEvery
	if st == p.shown {
		wait = plainAnyway
	}
	if now.Sub(p.last) < wait {
		return
	}
	p.last, p.shown = now, st
	p.s.println("enqueue: " + line)
	_ = p.s.flush()
}

// end takes the bar away: the summary says all that it said.
func (p *progress) end() {
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

// barred puts a bar before the text when there is room for both, and cuts what is too long: a line that wraps can't be drawn over.
func barred(st intake.Standing, text string, width int) string {
	const least = 10
	room := width - 1 - len(text) - 3
	if room < least || st.Total == 0 {
		return text[:min(len(text), max(0, width-1))]
	}
	room = min(room, 40)
	full := room * st.Decided() / st.Total
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", room-full) + "] " + text
}
