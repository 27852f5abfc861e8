package watch

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// disk is the folder. Names are relative to the folder, with slashes, and cannot lead out of it.
type disk struct {
	root *os.Root
	step func(string)
}

// tempPrefix begins the names of files that are being written.
const tempPrefix = ".writing-"

// write makes a file whole or not at all. With sync its bytes are on the disk when write returns.
func (d *disk) write(name string, data []byte, sync bool) error {
	d.step("write " + name)
	dir := path.Dir(name)
	if err := d.root.MkdirAll(dir, 0o770); err != nil {
		return err
	}
	temp := path.Join(dir, tempPrefix+rand.Text())
	f, err := d.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o660)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && sync {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		d.step("rename " + name)
		err = d.root.Rename(temp, name)
	}
	if err != nil {
		_ = d.root.Remove(temp)
	}
	return err
}

// move renames a file, and makes the folder that it goes to. The caller makes sure that nothing is
// there. This is enough, because the lock lets only one process move files.
func (d *disk) move(from, to string) error {
	d.step("move " + to)
	if err := d.root.MkdirAll(path.Dir(to), 0o770); err != nil {
		return err
	}
	return d.root.Rename(from, to)
}

func (d *disk) remove(name string) error {
	d.step("remove " + name)
	err := d.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// removeAll removes a folder with all that is in it.
func (d *disk) removeAll(name string) error {
	if !d.exists(name) {
		return nil
	}
	d.step("remove all of " + name)
	return d.root.RemoveAll(name)
}

// removeEmpty removes dir if it is empty, and then its parents in the same way. It removes only the
// folder of an archive and folders inside it. A folder counts as the folder of an archive if its
// name ends in .zip.
func (d *disk) removeEmpty(dir string) {
	for inArchive.MatchString(dir+"/") && d.root.Remove(dir) == nil {
		dir = path.Dir(dir)
	}
}

// open opens a regular file.
func (d *disk) open(name string) (*os.File, fs.FileInfo, error) {
	// O_NONBLOCK: a pipe in the place of the file would block for ever.
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNotAFile
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// exists reports whether something has the name. A name below a file, such as a name below an
// archive, does not exist. After any other error, exists returns true.
func (d *disk) exists(name string) bool {
	_, err := d.root.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR)
}

func (d *disk) isFolder(name string) bool {
	info, err := d.root.Lstat(name)
	return err == nil && info.IsDir()
}

// read reads a regular file of at most limit bytes. Of a larger file it reads one byte more than
// limit. whole is false when the file changed while it was read.
func (d *disk) read(name string, limit int64) (data []byte, whole bool, err error) {
	f, before, err := d.open(name)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	if data, err = io.ReadAll(io.LimitReader(f, limit+1)); err != nil {
		return nil, false, err
	}
	after, err := f.Stat()
	return data, err == nil && after.Size() == before.Size() && after.ModTime().Equal(before.ModTime()), err
}

// errNotRecord says that a file in the place of a record is something else.
var errNotRecord = errors.New("it is not a record of this version")

// readRecord reads a record that a watch has written.
func (d *disk) readRecord(name string, into any) error {
	const maxSize = 64 << 10
	raw, _, err := d.read(name, maxSize)
	if err != nil {
		return err
	}
	if json.Unmarshal(raw, into) != nil {
		return errNotRecord
	}
	return nil
}

var errNotAFile = errors.New("is not a file")

// list returns what is in a folder.
func (d *disk) list(dir string) ([]fs.DirEntry, error) {
	f, err := d.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// walk calls each for every file of a folder and of the folders below it. It does not follow links.
func (d *disk) walk(dir string, each func(name string, e fs.DirEntry), failed func(dir string, err error)) {
	entries, err := d.list(dir)
	if err != nil && failed != nil {
		failed(dir, err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			d.walk(name, each, failed)
			continue
		}
		each(name, e)
	}
}

// removeLeftovers removes the unfinished files of killed processes.
func (d *disk) removeLeftovers(dirs ...string) {
	for _, dir := range append(dirs, places...) {
		d.walk(dir, func(name string, _ fs.DirEntry) {
			if strings.HasPrefix(path.Base(name), tempPrefix) {
				_ = d.root.Remove(name) // what cannot be removed does no harm
			}
		}, nil)
	}
}

// fault returns the text of an error of the disk without the path, because messages show the path
// beside this text.
func fault(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	} else if le, ok := errors.AsType[*os.LinkError](err); ok {
		err = le.Err
	}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full: free some space; it is tried again"
	case errors.Is(err, fs.ErrPermission):
		return "no permission: give this program's user permission to read, write and rename it; it is tried again"
	}
	return err.Error() + "; it is tried again"
}
