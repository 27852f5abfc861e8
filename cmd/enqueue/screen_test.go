package main

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/results"
)

func TestClean_ControlCharacters_AreShownAsEscapes(t *testing.T) {
	for _, c := range []struct{ what, in, want string }{
		{"ordinary text", "FV/2026/Żółw 1.xml", "FV/2026/Żółw 1.xml"},
		{"escape", "\x1b[2J", `\x1b[2J`},
		{"newline and tab, which could forge lines and columns", "a\nb\tc", `a\x0ab\x09c`},
		{"a C1 control sequence introducer", "\u009b2J", `\x9b2J`},
		{"delete", "a\x7f", `a\x7f`},
		{"a byte that is not UTF-8", "a\xffb", `a\xffb`},
		{"override of direction, which makes lmx look like xml", "a\u202elmx", `a\u202elmx`},
		{"line separator", "a\u2028b", `a\u2028b`},
		{"the replacement character, which is harmless", "a\uFFFDb", "a\uFFFDb"},
	} {
		if got := clean(c.in); got != c.want {
			t.Errorf("%s: clean(%q) = %q, want %q", c.what, c.in, got, c.want)
		}
	}
}

func TestPrintJSON_ControlCharacters_AreEscapedAndReadBackTheSame(t *testing.T) {
	var buf bytes.Buffer
	s := newScreen(&buf)
	in := results.Result{File: "\x1b]0;x\x07\u009b\u202e\x7f&<>", Reason: "a\nb"}
	if err := printJSON(s, in); err != nil {
		t.Fatal(err)
	}
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	line := strings.TrimSuffix(buf.String(), "\n")
	if strings.ContainsFunc(line, isControl) {
		t.Errorf("the line of JSON has control characters: %q", line)
	}
	var out results.Result
	if err := json.Unmarshal([]byte(line), &out); err != nil || !reflect.DeepEqual(out, in) {
		t.Errorf("the line of JSON reads back as %+v (error %v), want %+v", out, err, in)
	}
}

func TestCSVRow_TextOfOthersBeginsAFormula_GetsAnApostrophe(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "+48": "'+48", "-1": "'-1", "@SUM": "'@SUM", "FV=1": "FV=1", "": "",
	} {
		if got := guarded(in); got != want {
			t.Errorf("guarded(%q) = %q, want %q", in, got, want)
		}
	}
	// The hash is this program's own text, so it gets no apostrophe even when it begins with +.
	row := strings.Join(csvRow(results.Result{Tenant: "=cmd", File: "=x.xml", Hash: "+/abc", Reason: "@here", Number: "\t=1"}), "|")
	for _, want := range []string{"'=cmd|", "|'=x.xml|", "|+/abc|", "|'@here|", `|\x09=1|`} {
		if !strings.Contains("|"+row+"|", want) {
			t.Errorf("the row %s lacks the cell %s", row, want)
		}
	}
}

func TestOutcome_HasTheNumberAndWhatIsMissing(t *testing.T) {
	for want, r := range map[string]results.Result{
		"N":              {State: "receipted", KsefNumber: "N", Code: 200},
		"N: no receipt":  {State: "accepted", KsefNumber: "N", Code: 200, Reason: "no receipt"},
		"450 P_15":       {State: "rejected", Code: 450, Reason: "P_15"},
		"not in storage": {State: "parked", Reason: "not in storage"},
	} {
		if got := outcome(r); got != want {
			t.Errorf("the outcome of %+v is %q, want %q", r, got, want)
		}
	}
}

func TestWithBar_AnyWidth_FitsOnOneLine(t *testing.T) {
	st := intake.Standing{Total: 300, Accepted: 150}
	text := progressText(st, 75*time.Second)
	for width := range 200 {
		got := withBar(st, text, width)
		if len(got) > max(0, width-1) {
			t.Fatalf("the bar has %d characters on a terminal of %d columns: %q", len(got), width, got)
		}
	}
	got := withBar(st, text, 80)
	if !strings.HasPrefix(got, "[#######") || !strings.Contains(got, "150 of 300 decided: 150 accepted after 1m15s") {
		t.Errorf("the bar is %q, want it to begin with a partly filled bar and to contain its text", got)
	}
}

func TestProgress_NoTerminal_PrintsALineFromTimeToTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buf bytes.Buffer
		p := newProgress(newScreen(&buf))
		for n := range 100 { // 20 seconds in which the counts change
			p.show(intake.Standing{Total: 1000, Accepted: n})
			time.Sleep(200 * time.Millisecond)
		}
		if n := strings.Count(buf.String(), "\n"); n < 3 || n > 4 {
			t.Errorf("%d lines in 20 seconds, want 3 or 4:\n%s", n, buf.String())
		}
		if strings.Contains(buf.String(), "\r") || strings.Contains(buf.String(), "\x1b") {
			t.Errorf("without a terminal the output has terminal sequences, want none: %q", buf.String())
		}
		buf.Reset()
		for range 300 { // 5 minutes in which nothing changes
			p.show(intake.Standing{Total: 1000, Accepted: 99})
			time.Sleep(time.Second)
		}
		if n := strings.Count(buf.String(), "\n"); n < 4 || n > 6 {
			t.Errorf("%d lines in 5 minutes without a change, want 4 to 6:\n%s", n, buf.String())
		}
	})
}

func TestTerminal_RowsAreAlignedAndTheBarIsRemoved(t *testing.T) {
	var buf bytes.Buffer
	s := newScreen(&buf)
	s.file = os.Stderr // any file makes the screen a terminal, of 80 columns if the width is not known
	rows := &columns{s: s}
	rows.row("inv-1", "a.xml", "FV/1", "queued")
	rows.row("", "longer.xml", "Ż", "refused: "+strings.Repeat("x", 100))
	rows.row("inv-3", "b.xml", "FV/3", "queued")
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	want := "inv-1  a.xml  FV/1  queued\n" +
		"-      longer.xml  Ż     refused: " + strings.Repeat("x", 100) + "\n" +
		"inv-3  b.xml       FV/3  queued\n"
	if buf.String() != want {
		t.Errorf("the rows are\n%swant\n%s", buf.String(), want)
	}
	buf.Reset()
	p := newProgress(s)
	p.show(intake.Standing{Total: 2, Accepted: 1})
	p.clear()
	drawn := buf.String()
	if !strings.HasPrefix(drawn, "\r[##") || !strings.HasSuffix(drawn, "\x1b[K\r\x1b[K") || strings.Contains(drawn, "\n") {
		t.Errorf("the bar was drawn as %q, want it on one line and removed at the end", drawn)
	}
}

// Readers of the archive report from several goroutines what they could not use.
func TestSay_FromManyGoroutines_EachLineIsWholeAndThere(t *testing.T) {
	var buf bytes.Buffer
	co := &core{err: newScreen(&buf)}
	const callers, lines = 8, 200
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for n := range lines {
				co.say("line %d is here", n)
			}
		})
	}
	all.Wait()
	got := strings.Split(strings.TrimSuffix(buf.String(), "\n"), "\n")
	for _, line := range got {
		if !strings.HasPrefix(line, "enqueue: line ") || !strings.HasSuffix(line, " is here") {
			t.Fatalf("one line is %q, want a whole one", line)
		}
	}
	if len(got) != callers*lines {
		t.Errorf("%d lines were written, want %d", len(got), callers*lines)
	}
}
