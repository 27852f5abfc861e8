package watch

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// waitingName is the file that says what waits here, for people who see the folder alone.
const waitingName = "ksef-waiting.txt"

// maxTold bounds how many files it names.
const maxTold = 1000

// tellWaiting logs what waits since this pass, and writes the list of all that waits when it has
// changed.
func (w *Watcher) tellWaiting() {
	if maps.Equal(w.told, w.problems) {
		return
	}
	for path, why := range w.problems {
		if w.told[path] != why {
			w.o.Log.Warn().Str("file", path).Str("why", why).Msg("waits")
		}
	}
	var err error
	if len(w.problems) == 0 {
		err = w.disk.remove(waitingName)
	} else {
		err = w.disk.write(waitingName, []byte(w.waitingText()), false)
	}
	if err != nil {
		w.o.Log.Warn().Err(err).Msg(waitingName + " cannot be written")
		return // it is tried again
	}
	w.told = w.problems
}

func (w *Watcher) waitingText() string {
	var b strings.Builder
	b.WriteString("These files wait. What is said of each does not concern the others.\r\n\r\n")
	paths := slices.Sorted(maps.Keys(w.problems))
	for _, path := range paths[:min(len(paths), maxTold)] {
		fmt.Fprintf(&b, "%s: %s\r\n", shown(path), w.problems[path])
	}
	if more := len(paths) - maxTold; more > 0 {
		fmt.Fprintf(&b, "and %d more\r\n", more)
	}
	return b.String()
}

// shown returns a name as a person can read it; one with control characters or other bytes than UTF-8
// in quotes.
func shown(name string) string {
	if utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return name
	}
	return strconv.Quote(name)
}
