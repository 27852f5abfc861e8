package app

import (
	"io"
	"sync"
	"time"

	"ksefworker/config"
)

const (
	// logWaiting is the maximum number of bytes of the log that wait in memory for its reader.
	logWaiting = 4 << 20
	// logEnd is the longest time that a process that ends waits for its log to be read.
	logEnd = 2 * time.Second
)

// LogWriter hands lines on to a writer, in their order, and never waits for it. The program that
// reads the log of a container may stop reading, and the pipe then blocks every goroutine that
// writes a line. If tasks waited for the pipe, all of them would hang while the heartbeat goes on,
// and no other worker would take them. Lines that find no room are lost. When the log is read
// again, a line that says how many were lost comes first. A process that is killed loses the lines
// that wait. Safe for concurrent use.
type LogWriter struct {
	w    io.Writer
	tell config.Log // the form of the line about lost lines

	mu    sync.Mutex
	lines [][]byte
	size  int           // of lines, in bytes
	lost  int           // how many lines were lost since the last take
	wake  chan struct{} // holds a value when there is something to do
	end   bool
	done  chan struct{}
}

// NewLogWriter returns a LogWriter. A goroutine writes its lines to w until Close. c is the form of
// the line that reports lost lines.
func NewLogWriter(w io.Writer, c config.Log) *LogWriter {
	l := &LogWriter{w: w, tell: c, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go l.run()
	return l
}

// Write takes a line and never fails.
func (l *LogWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end || l.size+len(line) > logWaiting {
		l.lost++
		return len(line), nil
	}
	l.lines, l.size = append(l.lines, append([]byte(nil), line...)), l.size+len(line)
	l.signal()
	return len(line), nil
}

// Close writes what waits, for two seconds at most, and takes nothing more.
func (l *LogWriter) Close() error {
	l.mu.Lock()
	l.end = true
	l.signal()
	l.mu.Unlock()
	t := time.NewTimer(logEnd)
	defer t.Stop()
	select {
	case <-l.done:
	case <-t.C:
	}
	return nil
}

// signal wakes the goroutine that writes. The caller holds mu.
func (l *LogWriter) signal() {
	select {
	case l.wake <- struct{}{}:
	default: // it has been woken already
	}
}

func (l *LogWriter) run() {
	defer close(l.done)
	for range l.wake {
		for {
			lines, lost, end := l.take()
			if lost > 0 {
				log := NewLog(l.tell, l.w)
				log.Warn().Int("lines", lost).Msg("lines of the log were lost: whoever reads it did not read for a while")
			}
			for _, line := range lines {
				_, _ = l.w.Write(line) // there is nowhere to report an error
			}
			if len(lines) == 0 && end {
				return
			}
			if len(lines) == 0 {
				break
			}
		}
	}
}

// take returns what waits, and how many lines were lost since the last take.
func (l *LogWriter) take() (lines [][]byte, lost int, end bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines, lost, end = l.lines, l.lost, l.end
	l.lines, l.size, l.lost = nil, 0, 0
	return lines, lost, end
}
