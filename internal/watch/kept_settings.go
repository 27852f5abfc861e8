package watch

import (
	"path"
	"time"
)

// A program may remove its folder as soon as the files are taken, while they still wait to be
// handed in. So the settings that a folder has when a file of it is taken are kept. They count once
// the folder is gone.

// keptDir has the settings of the folders from which there are files in taken/.
const keptDir = journalDir + "/settings"

func keptName(dir string) string { return keptDir + "/" + sumOf([]byte(dir)) + ".yaml" }

// keep notes the settings of a folder, before a file of it is taken.
func (se *settings) keep(dir string) error {
	if dir == "." {
		return nil
	}
	now := string(se.of(dir).raw)
	if before, known := se.kept[dir]; known && before == now {
		return nil
	}
	var err error
	if now == "" {
		err = se.disk.remove(keptName(dir))
	} else {
		err = se.disk.write(keptName(dir), []byte(now), true)
	}
	if err == nil {
		se.kept[dir] = now
	}
	return err
}

// ofTaken returns the settings for what was taken from a folder.
func (se *settings) ofTaken(dir string) *setting {
	// The folder may belong to an archive, or be below one. Then it may never have existed, and the
	// settings are those of a folder above it.
	for gone := dir; gone != "." && !se.disk.exists(gone); gone = path.Dir(gone) {
		if s := se.read(keptName(gone)); s != nil {
			return s
		}
	}
	return se.of(dir)
}

// sweepKept removes the settings of folders from which no file is in taken/ any more. The keys of
// the argument there are the names of the files in taken/.
func (se *settings) sweepKept(there map[string]bool) {
	now := se.o.Now()
	if now.Sub(se.swept) < sweepEvery {
		return
	}
	se.swept = now
	entries, err := se.disk.list(keptDir)
	if err != nil || len(entries) == 0 { // most often there is no such folder
		return
	}
	needed := map[string]bool{}
	for name := range there {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			needed[keptName(dir)] = true
		}
	}
	for _, e := range entries {
		if name := keptDir + "/" + e.Name(); !needed[name] {
			if err := se.disk.remove(name); err != nil {
				se.o.Log.Warn().Err(err).Str("file", name).Msg("kept settings of a folder are not needed any more, and cannot be removed")
			}
		}
	}
	clear(se.kept)
}

// keptSettings is the part of settings that is about folders that may be removed.
type keptSettings struct {
	kept  map[string]string // by folder, as they are in keptDir; "" for none
	swept time.Time
}
