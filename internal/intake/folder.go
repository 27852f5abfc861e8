package intake

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ksefworker/internal/plural"
)

// folder yields every *.xml file below root that is not hidden. A folder without any is reported,
// because perhaps the export was written to another place.
func (r *reader) folder(root string) bool {
	w := walk{reader: r, root: root, entered: map[string]bool{}}
	if !w.enter(root) {
		return false
	}
	if w.found == 0 {
		p := &Problem{What: "holds no *.xml files", Hint: "check that the export writes here", Path: true, Empty: true}
		if w.left.Files > 0 {
			p.What += " (" + plural.Of(w.left.Files, "other", "others") + ")"
		}
		if !r.fail(root, p) {
			return false
		}
	}
	if w.left.Files > 0 && r.o.Left != nil {
		w.left.Folder = valid(root)
		r.o.Left(w.left)
	}
	return true
}

// Left is what [Read] did not take from a folder: files that are not *.xml and whose names are not
// hidden, hidden *.xml files, and hidden folders with *.xml files in them.
type Left struct {
	Folder string   // as in the path that was given
	Files  int      // a hidden folder counts once, whatever is in it
	Names  []string // the first maxLeftNames names, relative to Folder; others wrote them, as with [Item.File]
	// JSON and ZIP say that .json files and .zip files are among them. Such files can be handed in,
	// but not as files of a folder.
	JSON, ZIP bool
	// Hidden says that names are among them that begin with a dot.
	Hidden bool
}

const (
	maxLeftNames = 5
	// maxHidden is how many entries of a hidden folder are looked at. A larger folder counts as one
	// that holds invoices.
	maxHidden = 10_000
)

func (l *Left) add(root, path string) {
	l.Files++
	l.JSON = l.JSON || hasExtension(path, ".json")
	l.ZIP = l.ZIP || hasExtension(path, ".zip")
	if len(l.Names) == maxLeftNames {
		return
	}
	if name, err := filepath.Rel(root, path); err == nil {
		if strings.HasSuffix(path, "/") { // Rel removes it
			name += "/"
		}
		path = name
	}
	l.Names = append(l.Names, valid(path))
}

// walk follows links, because export folders often hold links to each other. It enters each folder
// once, however it is reached, so that a loop of links ends.
type walk struct {
	*reader
	root    string
	entered map[string]bool // by real path
	found   int             // files and problems yielded
	left    Left            // files of other kinds
}

func (w *walk) enter(dir string) bool {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return w.failed(dir, err)
	}
	if w.entered[real] {
		return true
	}
	w.entered[real] = true
	// The names in a folder of a million files take a hundred megabytes. That is accepted, so that
	// files come in the order of their names.
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if hidden(e.Name()) {
			w.leave(filepath.Join(dir, e.Name()), e)
			continue
		}
		if !w.entry(filepath.Join(dir, e.Name()), e) {
			return false
		}
	}
	if err != nil {
		return w.failed(dir, err) // after the entries that could be read: ReadDir returns both
	}
	return true
}

func (w *walk) entry(path string, e fs.DirEntry) bool {
	if e.IsDir() {
		return w.enter(path)
	}
	linked := e.Type()&fs.ModeSymlink != 0
	if !linked && !isXML(path) {
		w.left.add(w.root, path)
		return true
	}
	if e.Type().IsRegular() {
		w.found++
		return w.give(fileItem(path, w.o.MaxDocument))
	}
	info, err := os.Stat(path) // of the link's target
	switch {
	case err == nil && info.IsDir():
		return w.enter(path)
	case !isXML(path):
		w.left.add(w.root, path)
		return true
	case linked && errors.Is(err, fs.ErrNotExist):
		w.found++
		return w.fail(path, &Problem{What: "is a link to a file that does not exist", Hint: "fix the link or remove it",
			Err: fs.ErrNotExist})
	case err != nil:
		return w.failed(path, err)
	}
	w.found++
	if !info.Mode().IsRegular() {
		return w.fail(path, irregular(info.Mode(), false))
	}
	return w.give(fileItem(path, w.o.MaxDocument))
}

// leave counts a hidden file that would be taken if its name had no dot, and a hidden folder that
// holds such files. A program may have written invoices there and never renamed them. Files that
// systems leave, such as .DS_Store, are not counted.
func (w *walk) leave(path string, e fs.DirEntry) {
	folder := e.IsDir()
	if e.Type()&fs.ModeSymlink != 0 {
		info, err := os.Stat(path)
		folder = err == nil && info.IsDir()
	}
	switch {
	case folder && holdsXML(w.ctx, path):
		path += "/"
	case folder || !hiddenXML(e.Name()):
		return
	}
	w.left.Hidden = true
	w.left.add(w.root, path)
}

// hiddenXML reports whether a name is hidden and would otherwise be that of an XML file.
func hiddenXML(base string) bool { return hidden(base) && isXML("x"+base) }

// holdsXML reports whether a folder has an XML file, hidden or not, in it or below. It looks at no
// more than maxHidden entries, follows no links, and passes over what cannot be read.
func holdsXML(ctx context.Context, dir string) (holds bool) {
	n := 0
	_ = fs.WalkDir(os.DirFS(dir), ".", func(_ string, e fs.DirEntry, err error) error {
		n++
		holds = err == nil && !e.IsDir() && (isXML(e.Name()) || hiddenXML(e.Name())) || n > maxHidden
		switch {
		case holds || ctx.Err() != nil:
			return fs.SkipAll
		case err != nil && e != nil && e.IsDir():
			return fs.SkipDir
		}
		return nil
	})
	return holds
}

func (w *walk) failed(path string, err error) bool {
	w.found++
	return w.fail(path, unreadable(err))
}
