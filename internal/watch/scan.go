package watch

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sight is a file of the folder as it was seen.
type sight struct {
	size    int64
	changed time.Time
	since   time.Time // when this size and time were first seen, by this machine's clock, because a share's clock may be wrong
	whole   bool      // its end looks like the end of a whole document
}

// scan takes the files of the folder that are complete. It returns how long it is until the next
// file can be complete.
func (fi *finder) scan(now time.Time) time.Duration {
	next := never
	found := map[string]sight{}
	fi.folders = fi.folders[:0]
	fi.scanFolder(".", func(name string, e fs.DirEntry) {
		s, ok := fi.look(name, e, now)
		if !ok {
			return
		}
		wait := fi.o.Settle
		if !s.whole {
			wait = fi.o.Patience
		}
		if left := wait - now.Sub(s.since); left > 0 {
			found[name], next = s, min(next, left)
			return
		}
		if err := fi.settings.of(path.Dir(name)).err; err != nil {
			fi.problem(name, err.Error())
		} else if err := fi.settings.keep(path.Dir(name)); err != nil {
			fi.problem(name, "cannot be taken: the settings of its folder cannot be noted: "+fault(err))
		} else if err := fi.taker.take(name, now); err != nil {
			fi.problem(name, "cannot be taken: "+fault(err))
		} else {
			return
		}
		found[name] = s // it is tried again with the next pass
	})
	fi.seen = found
	return next
}

// scanFolder calls each for every file that could be an invoice or an archive.
func (fi *finder) scanFolder(dir string, each func(string, fs.DirEntry)) {
	fi.folders = append(fi.folders, dir)
	entries, err := fi.disk.list(dir)
	if err != nil {
		fi.problem(dir, "the folder cannot be read: "+fault(err))
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case hidden(e.Name()), dir == "." && slices.Contains(places, e.Name()):
		case e.IsDir() && fi.disk.exists(name+"/"+lockName):
			fi.problem(name, "is watched by itself, so its files are not taken here; if it is no longer watched, move its folders "+
				strings.Join(places, ", ")+" elsewhere, then delete "+name+"/"+journalDir)
		case e.IsDir():
			fi.scanFolder(name, each)
		case e.Type()&fs.ModeSymlink != 0 && path.Ext(name) == "": // asking where it leads may hang
			fi.problem(name, "is a link, and links are not followed: if it leads to a folder, put the files themselves here, or watch that folder")
		case isXML(name), isJSON(name), isZIP(name):
			each(name, e)
		}
	}
}

// look returns a file as it is now. It returns false when the file is gone, unreadable or not a
// regular file.
func (fi *finder) look(name string, e fs.DirEntry, now time.Time) (sight, bool) {
	if !e.Type().IsRegular() {
		fi.problem(name, "is a link, a pipe or a device, not a file: put the file itself here")
		return sight{}, false
	}
	info, err := e.Info()
	if err != nil {
		return sight{}, false // it is gone
	}
	s := sight{size: info.Size(), changed: info.ModTime(), since: now}
	before, known := fi.seen[name]
	if known && before.size == s.size && before.changed.Equal(s.changed) {
		s.since, s.whole = before.since, before.whole
		if !s.whole || now.Sub(s.since) < fi.o.Settle {
			return s, true
		}
	}
	if s.whole, err = fi.looksWhole(name, s.size); err != nil {
		fi.problem(name, "cannot be read: "+fault(err))
		return sight{}, false
	}
	return s, true
}

// An archive ends with a record, which begins with zipEnding, and a comment. zipTail is how many
// bytes the two can have together.
const (
	zipEnding = "PK\x05\x06"
	zipTail   = 22 + 1<<16
)

// looksWhole reports whether the end of a file looks like the end of a whole document or archive.
// An error says that the file cannot be read.
func (fi *finder) looksWhole(name string, size int64) (bool, error) {
	f, err := fi.disk.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	length := int64(256)
	if isZIP(name) {
		length = zipTail
	}
	tail := make([]byte, min(size, length))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return false, err
	}
	if isZIP(name) {
		return bytes.Contains(tail, []byte(zipEnding)), nil
	}
	tail = bytes.TrimRight(tail, " \t\r\n\x00")
	if isJSON(name) {
		return bytes.HasSuffix(tail, []byte("}")), nil
	}
	at := bytes.LastIndex(tail, []byte("</"))
	return at >= 0 && bytes.HasSuffix(tail, []byte("Faktura>")), nil
}
