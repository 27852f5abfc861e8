package app

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ksefworker/config"
)

// lockedBuffer is a log that takes every line without delay.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func TestLogWriter_LogIsRead_EveryLineComesInItsOrder(t *testing.T) {
	var out lockedBuffer
	l := NewLogWriter(&out, config.Log{Format: "json", Level: "info"})
	log := NewLog(config.Log{Format: "json", Level: "info"}, l)
	for i := range 1000 {
		log.Info().Int("n", i).Msg("line")
	}
	_ = l.Close()
	lines := strings.Split(strings.TrimSpace(out.b.String()), "\n")
	if len(lines) != 1000 || !strings.Contains(lines[0], `"n":0,`) || !strings.Contains(lines[999], `"n":999,`) {
		t.Errorf("%d lines, the first %s, the last %s; want 1000, from 0 to 999", len(lines), lines[0], lines[len(lines)-1])
	}
}

// The reader of a container's log stops, so the pipe to the reader fills up. A write to a full pipe
// would hang for ever.
func TestLogWriter_NobodyReadsTheLog_NoTaskWaitsForItAndWhatIsLostIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read, write := io.Pipe() // takes a line only when somebody reads
		l := NewLogWriter(write, config.Log{Format: "json", Level: "info"})
		line := []byte(strings.Repeat("x", 1023) + "\n")
		before := time.Now()
		for range 10_000 {
			if n, err := l.Write(line); n != len(line) || err != nil {
				t.Fatalf("Write returned %d and the error %v, want the whole line", n, err)
			}
		}
		if waited := time.Since(before); waited > 0 {
			t.Errorf("writing the lines took %v, want no time", waited)
		}
		if l.size > logWaiting {
			t.Errorf("%d bytes wait in memory, want at most %d", l.size, logWaiting)
		}
		begun := time.Now()
		_ = l.Close()
		if waited := time.Since(begun); waited != logEnd {
			t.Errorf("Close took %v, want %v", waited, logEnd)
		}
		all, told := 0, 0
		go func() { <-l.done; write.Close() }()
		raw, _ := io.ReadAll(read)
		for _, got := range bytes.Split(bytes.TrimSpace(raw), []byte("\n")) {
			all++
			if bytes.Contains(got, []byte("lines of the log were lost")) {
				told++
			}
		}
		if all-told < logWaiting/1024-1 || told == 0 {
			t.Errorf("%d lines came out, and %d of them say that lines were lost; want at least one that says so, and %d others",
				all, told, logWaiting/1024-1)
		}
	})
}

// When the log is read again, a line first says how many lines were lost. Then come the lines that
// have waited.
func TestLogWriter_ReadAgain_SaysFirstHowManyLinesAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read, write := io.Pipe()
		l := NewLogWriter(write, config.Log{Format: "json", Level: "info"})
		big := bytes.Repeat([]byte("x"), logWaiting/2)
		_, _ = l.Write([]byte("first\n"))
		synctest.Wait() // the writer hangs at the first line
		for range 5 {
			_, _ = l.Write(big) // there is room for two of the five
		}
		go func() { _ = l.Close(); <-l.done; write.Close() }()
		raw, _ := io.ReadAll(read)
		text := strings.ReplaceAll(string(raw), string(big), "BIG ")
		if !strings.HasPrefix(text, "first\n") || !strings.Contains(text, `"lines":3`) || strings.Count(text, "BIG") != 2 ||
			strings.Index(text, `"lines":3`) > strings.Index(text, "BIG") {
			t.Errorf("the log is %s; want first, then that 3 lines were lost, then BIG twice", text[:min(len(text), 400)])
		}
	})
}
