package watch

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/explain"
	"ksefworker/internal/explain/explaintest"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
)

// A person who sees only the folder may read only Polish. So no Polish line about a wrong
// .ksef.yaml may keep an English word.
func TestWatch_SettingsAreWrong_PolishLineIsWhollyPolish(t *testing.T) {
	s := newSite(t)
	wrong := []string{
		"tenant: nosuch\n", "lane: x\n", "lane: express\noffline: true\n", "deadline: tomorrow\n", "deadline: 2020-01-01\n",
		"deadline: 2099-01-01\n", "ref: x\n", "Lane: 1\n", "offline: maybe\n", "- lane\n", "tenant: nosuch\nlane: x\n",
		"lane: bulk\nlane: bulk\n", "---\nlane: bulk\n---\nlane: bulk\n",
		"lane: [a\n", "lane: a: b\n", "\tlane: bulk\n", "lane: \"\xff\"\n", "lane: *x\n",
	}
	for i, text := range wrong {
		s.put(fmt.Sprintf("d%d/.ksef.yaml", i), []byte(text))
		s.put(fmt.Sprintf("d%d/a.xml", i), xmlOf(0, "FV/1"))
	}
	s.passes(3)
	lines, found := strings.Split(s.read(waitingName), "\r\n"), 0
	for i, line := range lines {
		en, ok := strings.CutPrefix(line, "d")
		if !ok {
			continue
		}
		found++
		pl := strings.ReplaceAll(lines[i+1], "one, two", "") // the names of the tenants
		if left := explaintest.English(en, pl); len(left) > 0 || !strings.HasPrefix(pl, "    nie można użyć pliku d") ||
			strings.Contains(pl, "field ") {
			t.Errorf("%s\n%s\nkeeps the English words %q; want none, and a line that says \"nie można użyć pliku\"", line, pl, left)
		}
	}
	if found != len(wrong) {
		t.Errorf("%d files wait, want %d:\n%s", found, len(wrong), strings.Join(lines, "\n"))
	}
}

// The same holds for lines about what stops the intake, and about documents that the watch hands in
// again. Only the words of another program stay as they are.
func TestWatch_IntakeIsStopped_PolishLineIsWhollyPolish(t *testing.T) {
	home := ledger.Home{Environment: "TEST", Address: "https://x.example"}
	purging := home
	purging.Purging = true
	var all []string
	for _, err := range []error{
		&ledger.FullError{}, &ledger.FullError{Below: 0.85}, &ledger.FormatError{Prefix: "p:", Format: 9, Reads: 1},
		&ledger.ReplicaError{Want: 1, Within: time.Second}, &ledger.ReplicaError{Want: 1, Within: time.Second, Err: errors.New("EOF")},
		&ledger.HomeError{Prefix: "p:", Home: home, Here: home}, &ledger.HomeError{Prefix: "p:", Home: purging, Here: home},
		&ledger.RightsError{Commands: []string{"SET"}, Why: "NOPERM"},
	} {
		all = append(all, "nothing may be taken in at present: "+intake.OneLine(err)+"; it is tried again",
			"the ledger does not take it at present: "+intake.OneLine(err)+"; it is tried again")
	}
	for _, what := range []string{
		"it is JSON, and the gateway could not be asked to make XML of it", "it is old, and could not be looked up in the archive",
		"it is too large for Redis, and could not be put into the archive",
		"the entry of the invoice that corrects names cannot be read by this build",
		"number FV/1 is here already as inv-x, and the two could not be compared",
	} {
		why, _ := waitsFor(&intake.UnsureError{What: what, Err: errors.New("EOF")})
		all = append(all, why)
	}
	for _, why := range all {
		pl, _ := explain.SayJoined(explain.Polish, why)
		pl = strings.ReplaceAll(pl, "enqueue purge", "")
		if left := explaintest.English(why, pl); len(left) > 0 {
			t.Errorf("%s\n%s\nkeeps the English words %q", why, pl, left)
		}
	}
}
