package sinks

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Folder writes results as files. A file for one invoice gets its name only when it is complete, so
// a reader never sees half a result. In a file with many results, a line is complete when it ends
// with a newline.
//
// The lease of the [Runner] lets only one process of a pool at a time write. A lock in the folder
// (folder_lock.go) also excludes processes that have another lease, such as those of another pool.
//
// A write to a shared folder whose server is away can hang, and nothing can interrupt it. When that
// happens, Deliver stops waiting for the write, and begins no other until the write has ended.
type Folder struct {
	Dir string
	// ByDay writes one file for each day, results-2026-11-26.ndjson, with one result a line.
	// Otherwise each invoice has a file of its own, <id>.json. The day is the one on which the
	// outcome became final.
	ByDay   bool
	Zone    *time.Location // the time zone of the days
	Timeout time.Duration  // after which a batch begins no other file; 0 is folderTimeout

	mu   sync.Mutex
	hung chan struct{} // closed when the write that hung has ended; nil when none has hung
}

const (
	folderMode = 0o750
	fileMode   = 0o640
	lockMode   = 0o660 // workers of another user may need the lock
	// tempPrefix begins the names of files that are being written. A file that keeps such a name
	// was left by a process that was killed.
	tempPrefix = ".tmp-"
	// maxFile bounds how many bytes are read of an existing file with the name of a result.
	maxFile = 1 << 20
	// maxLine bounds how many bytes at the end of a file are searched for the last newline.
	maxLine = 1 << 20
	// folderTimeout and folderGrace together are well below Round of a [Runner]. A batch ends by
	// itself at folderTimeout. A batch that is still running folderGrace after that counts as hung.
	folderTimeout = 20 * time.Second
	folderGrace   = 5 * time.Second
)

// Deliver implements [Sink].
func (f *Folder) Deliver(ctx context.Context, messages []Message) []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hung != nil {
		select {
		case <-f.hung:
			f.hung = nil
		default:
			return all(len(messages), &OutageError{Unreached: true, Err: ErrNoAnswer})
		}
	}
	timeout := cmp.Or(f.Timeout, folderTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, ErrNoAnswer)
	defer cancel()
	ended, errs := make(chan struct{}), []error(nil)
	go func() {
		defer close(ended)
		errs = f.write(ctx, messages)
	}()
	select {
	case <-ended:
		return errs
	case <-ctx.Done():
	}
	select {
	case <-ended:
		return errs
	case <-time.After(min(timeout, folderGrace)):
		f.hung = ended
		return all(len(messages), &OutageError{Unreached: true, Err: context.Cause(ctx)})
	}
}

// write writes files until ctx ends.
func (f *Folder) write(ctx context.Context, messages []Message) []error {
	if err := os.MkdirAll(f.Dir, folderMode); err != nil {
		return all(len(messages), &OutageError{Unreached: true, Err: err})
	}
	unlock, err := f.lock(ctx)
	if err != nil {
		return all(len(messages), &OutageError{Err: err})
	}
	defer unlock()
	if f.ByDay {
		return f.lines(ctx, messages)
	}
	f.clean()
	errs := make([]error, len(messages))
	for i := range messages {
		errs[i] = f.one(ctx, &messages[i])
	}
	if err := syncDir(f.Dir); err != nil {
		return all(len(messages), &OutageError{Unreached: true, Err: err})
	}
	return errs
}

// one writes the file of one invoice, unless a newer result is there.
func (f *Folder) one(ctx context.Context, m *Message) error {
	if ctx.Err() != nil {
		return &OutageError{Err: context.Cause(ctx)}
	}
	name := m.ID + ".json"
	if !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) {
		return fmt.Errorf("%q is not a valid file name", name)
	}
	path := filepath.Join(f.Dir, name)
	if revisionOf(path) > m.Revision {
		return nil
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, m.JSON, "", "  "); err != nil {
		return err
	}
	pretty.WriteByte('\n')
	temp := filepath.Join(f.Dir, tempPrefix+name)
	if err := writeFile(temp, pretty.Bytes()); err != nil {
		return &OutageError{Err: errors.Join(err, removeQuietly(temp))}
	}
	if ctx.Err() != nil { // it took so long that another process may have written a newer file
		return &OutageError{Err: errors.Join(context.Cause(ctx), removeQuietly(temp))}
	}
	if err := os.Rename(temp, path); err != nil {
		return &OutageError{Err: errors.Join(err, removeQuietly(temp))}
	}
	return nil
}

// revisionOf returns the revision of the result in a file; -1 when none can be read.
func revisionOf(path string) int64 {
	file, err := os.Open(path)
	if err != nil {
		return -1
	}
	defer file.Close()
	var there struct{ Revision int64 }
	if json.NewDecoder(io.LimitReader(file, maxFile)).Decode(&there) != nil {
		return -1
	}
	return there.Revision
}

func writeFile(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func removeQuietly(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// clean removes the temporary files of processes that were killed while they wrote.
func (f *Folder) clean() {
	left, _ := filepath.Glob(filepath.Join(f.Dir, tempPrefix+"*"))
	for _, path := range left {
		_ = os.Remove(path) // a file that stays does no harm
	}
}

// lines appends the results to the files of their days, with one write for each file.
func (f *Folder) lines(ctx context.Context, messages []Message) []error {
	byDay := map[string][]int{}
	for i := range messages {
		day := messages[i].At.In(f.Zone).Format(time.DateOnly)
		byDay[day] = append(byDay[day], i)
	}
	errs := make([]error, len(messages))
	for day, of := range byDay {
		var text bytes.Buffer
		for _, i := range of {
			text.Write(messages[i].JSON)
			text.WriteByte('\n')
		}
		if err := appendWhole(ctx, filepath.Join(f.Dir, "results-"+day+".ndjson"), text.Bytes()); err != nil {
			for _, i := range of {
				errs[i] = &OutageError{Err: err}
			}
		}
	}
	return errs
}

// appendWhole appends lines to a file. It first removes an incomplete last line, which a killed
// process may have left. When its own write fails, for example on a full disk, it removes what it
// has written.
func appendWhole(ctx context.Context, path string, data []byte) (err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	end, err := endOfLines(file)
	if err != nil {
		return err
	}
	if ctx.Err() != nil { // it took so long that another process may have appended lines
		return context.Cause(ctx)
	}
	if err := file.Truncate(end); err != nil {
		return err
	}
	if _, err = file.WriteAt(data, end); err == nil {
		err = file.Sync()
	}
	if err != nil {
		return errors.Join(err, file.Truncate(end))
	}
	return syncDir(filepath.Dir(path))
}

// endOfLines returns where the last whole line of a file ends.
func endOfLines(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	size := info.Size()
	from := max(size-maxLine, 0)
	tail := make([]byte, size-from)
	if _, err := file.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if at := bytes.LastIndexByte(tail, '\n'); at >= 0 {
		return from + int64(at) + 1, nil
	}
	if from > 0 {
		return 0, fmt.Errorf("%s does not consist of lines", file.Name())
	}
	return 0, nil
}

// syncDir makes new names durable. Some network file systems cannot do this, so an error of the
// sync itself is ignored. Other errors are returned.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}
