package watch

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"ksefworker/internal/explain"
)

// waitingName is the file that says which files wait and why, for people who see only the folder.
const waitingName = "ksef-waiting.txt"

// maxTold bounds how many files the list in that file names.
const maxTold = 1000

// tell logs each file that has begun to wait in this pass, or that waits for a different reason
// than in the pass before. It writes the list of all that waits when the list has changed.
func (wn *waitingNote) tell() {
	if maps.Equal(wn.told, wn.problems) {
		return
	}
	for path, why := range wn.problems {
		if wn.told[path] != why {
			wn.o.Log.Warn().Str("file", path).Str("why", why).Msg("a file waits")
		}
	}
	var err error
	if len(wn.problems) == 0 {
		err = wn.disk.remove(waitingName)
	} else {
		err = wn.disk.write(waitingName, []byte(wn.text()), false)
	}
	if err != nil {
		wn.o.Log.Warn().Err(err).Msg(waitingName + " cannot be written")
		return // it is tried again
	}
	wn.told = wn.problems
}

// text returns the list, with each reason in English and in Polish.
func (wn *waitingNote) text() string {
	var b strings.Builder
	b.WriteString("Te pliki czekają. Każdy wiersz dotyczy tylko swojego pliku lub folderu.\r\n")
	b.WriteString("These files wait. Each line is about its own file or folder only.\r\n\r\n")
	paths := slices.Sorted(maps.Keys(wn.problems))
	polish := map[string]string{} // many files may wait for one reason
	for _, path := range paths[:min(len(paths), maxTold)] {
		why := wn.problems[path]
		fmt.Fprintf(&b, "%s: %s\r\n", shown(path), why)
		if _, ok := polish[why]; !ok {
			polish[why], _ = explain.SayJoined(explain.Polish, why)
		}
		if said := polish[why]; said != why {
			fmt.Fprintf(&b, "    %s\r\n", said)
		}
	}
	if more := len(paths) - maxTold; more > 0 {
		fmt.Fprintf(&b, "oraz inne (%d) / and %d more\r\n", more, more)
	}
	return b.String()
}

// shown returns a name as a person can read it. A name with unprintable characters or invalid UTF-8
// is quoted.
func shown(name string) string {
	if utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return name
	}
	return strconv.Quote(name)
}
