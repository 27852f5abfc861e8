package watch

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"
	"time"
)

// sight is a file of the folder as it was seen.
type sight struct {
	size    int64
	changed time.Time
	since   time.Time // it has been so since then, by our own clock: that of a share may be wrong
	whole   bool      // its end looks like that of a whole document
}

// scan looks at the folder and takes what is complete. It returns when the next file can be.
func (w *Watcher) scan(now time.Time) time.Duration {
	next := never
	found := map[string]sight{}
	w.folders = w.folders[:0]
	w.scanFolder(".", func(name string, e fs.DirEntry) {
		s, ok := w.look(name, e, now)
		if !ok {
			return
		}
		wait := w.o.Settle
		if !s.whole {
			wait = w.o.Patience
		}
		if left := wait - now.Sub(s.since); left > 0 {
			found[name], next = s, min(next, left)
			return
		}
		if err := w.settingOf(path.Dir(name)).err; err != nil {
			w.problem(name, err.Error())
		} else if err := w.take(name, now); err != nil {
			w.problem(name, "cannot be taken: "+fault(err))
		} else {
			return
		}
		found[name] = s // it is tried again with the next pass
	})
	w.seen = found
	return next
}

// scanFolder calls each for every file that could be an invoice.
func (w *Watcher) scanFolder(dir string, each func(string, fs.DirEntry)) {
	w.folders = append(w.folders, dir)
	entries, err := w.disk.list(dir)
	if err != nil {
		w.problem(dir, "the folder cannot be read: "+fault(err))
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case hidden(e.Name()), dir == "." && slices.Contains(places, e.Name()):
		case e.IsDir():
			w.scanFolder(name, each)
		case hasEnd(name, ".zip"):
			w.problem(name, "is an archive: unpack it into this folder, or hand it in with enqueue submit")
		case isXML(name), isJSON(name):
			each(name, e)
		}
	}
}

// look returns a file as it is now; false when it waits for a person.
func (w *Watcher) look(name string, e fs.DirEntry, now time.Time) (sight, bool) {
	if !e.Type().IsRegular() {
		w.problem(name, "is a link, a pipe or a device, not a file: put the file itself here")
		return sight{}, false
	}
	info, err := e.Info()
	if err != nil {
		return sight{}, false // it is gone
	}
	s := sight{size: info.Size(), changed: info.ModTime(), since: now}
	before, known := w.seen[name]
	if known && before.size == s.size && before.changed.Equal(s.changed) {
		s.since, s.whole = before.since, before.whole
		if !s.whole || now.Sub(s.since) < w.o.Settle {
			return s, true
		}
	}
	if s.whole, err = w.looksWhole(name, s.size); err != nil {
		w.problem(name, "cannot be read: "+fault(err))
		return sight{}, false
	}
	return s, true
}

// looksWhole looks at the end of a file: a document that is cut off does not end with its root
// element. It also shows that the file can be read at all.
func (w *Watcher) looksWhole(name string, size int64) (bool, error) {
	f, err := w.disk.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	tail := make([]byte, min(size, 256))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return false, err
	}
	tail = bytes.TrimRight(tail, " \t\r\n\x00")
	if isJSON(name) {
		return bytes.HasSuffix(tail, []byte("}")), nil
	}
	at := bytes.LastIndex(tail, []byte("</"))
	return at >= 0 && bytes.HasSuffix(tail, []byte("Faktura>")), nil
}
