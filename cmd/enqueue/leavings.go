package main

import (
	"io/fs"
	"os"
	"regexp"
	"time"
)

// A file is first written under a temporary name in the same folder, and then renamed. A process
// that is killed in between leaves the temporary file behind. Every process that writes into a
// folder holds a shared lock on the folder. So a process that gets an exclusive lock knows that
// nobody is writing the temporary files in the folder, and removes them.

// tempNames are the names of temporary files: those of an export, and those of writeWhole. The
// files of other programs do not have such names.
var tempNames = regexp.MustCompile(`^\.enqueue-([A-Z2-7]{26}|[0-9]{1,10})$`)

// leftBehind is the age from which a temporary file counts as left behind where folders cannot be
// locked, or where another process holds the folder. No file takes so long to write.
const leftBehind = time.Hour

// holdFolder holds a folder until release is called, and removes what killed processes left in it.
// It returns how many files it removed. It ignores a file that cannot be removed, because such a
// file harms nobody.
func holdFolder(dir *os.Root) (removed int, release func()) {
	folder, err := dir.Open(".")
	if err != nil {
		return 0, func() {}
	}
	age := leftBehind
	if lockFolder(folder, true) {
		age = 0
	}
	removed = removeLeavings(dir, folder, age)
	lockFolder(folder, false)
	return removed, func() { _ = folder.Close() } // which ends the lock
}

func removeLeavings(dir *os.Root, folder *os.File, age time.Duration) (removed int) {
	entries, err := folder.ReadDir(-1)
	if err != nil {
		return 0
	}
	before := time.Now().Add(-age) // compared with file times, which no injected clock sets
	for _, e := range entries {
		if !e.Type().IsRegular() || !tempNames.MatchString(e.Name()) {
			continue
		}
		var info fs.FileInfo
		if info, err = e.Info(); err == nil && (age == 0 || info.ModTime().Before(before)) && dir.Remove(e.Name()) == nil {
			removed++
		}
	}
	return removed
}
