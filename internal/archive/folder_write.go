package archive

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"time"
)

// create publishes data under a free name. It uses a hard link and not a rename. A rename would
// overwrite a file that another process has put there in the meantime, but a link fails with
// fs.ErrExist. On a file system without hard links, create checks that the name is free and
// renames. If two processes put different bytes under one new name there at the same instant, only
// the bytes of one process remain.
func (t *tree) create(ctx context.Context, name string, data []byte) error {
	temp, err := t.writeTemp(data, false)
	if err != nil {
		return err
	}
	if ctx.Err() != nil { // the write hung, and the caller no longer waits for it
		return errors.Join(context.Cause(ctx), t.root.Remove(temp))
	}
	err = t.root.Link(temp, name)
	if errors.Is(err, fs.ErrNotExist) {
		if err = t.root.MkdirAll(path.Dir(name), folderMode); err == nil {
			err = t.root.Link(temp, name)
		}
	}
	if err == nil || errors.Is(err, fs.ErrExist) || !linksUnsupported(err) {
		return errors.Join(err, t.root.Remove(temp))
	}
	if _, err = t.root.Lstat(name); err == nil {
		return errors.Join(fs.ErrExist, t.root.Remove(temp))
	}
	if err = t.root.Rename(temp, name); err != nil {
		return errors.Join(err, t.root.Remove(temp))
	}
	return nil
}

// overwrite replaces a file so that even a power cut leaves either the old or the new one.
func (t *tree) overwrite(ctx context.Context, name string, data []byte) error {
	temp, err := t.writeTemp(data, true)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), t.root.Remove(temp))
	}
	if err := t.root.Rename(temp, name); err != nil {
		return errors.Join(err, t.root.Remove(temp))
	}
	t.f.mu.Lock()
	delete(t.f.unproven, name)
	t.f.mu.Unlock()
	return nil
}

// writeTemp writes a file to the work folder and returns its name. After an error, such as a full
// disk, no file is left.
func (t *tree) writeTemp(data []byte, sync bool) (string, error) {
	if t.f.readOnly {
		return "", ErrReadOnly
	}
	temp := workFolder + "/" + rand.Text()
	file, err := t.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if errors.Is(err, fs.ErrNotExist) { // somebody removed the work folder
		if err = t.root.MkdirAll(workFolder, folderMode); err == nil {
			file, err = t.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
		}
	}
	if err != nil {
		return "", err
	}
	_, err = file.Write(data)
	if err == nil && sync {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, t.root.Remove(temp))
	}
	return temp, nil
}

// read reads a whole file.
func (t *tree) read(ctx context.Context, name string) ([]byte, error) {
	file, info, err := t.openFile(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	allow(ctx, info.Size())
	return readAll(file, info.Size())
}

// clearWork removes the files in the work folder that were last changed before cutoff. Killed
// processes have left them behind. An error is ignored, because the next start tries again.
func (t *tree) clearWork(cutoff time.Time) {
	dir, err := t.root.Open(workFolder)
	if err != nil {
		return
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(-1)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().Before(cutoff) {
			_ = t.root.Remove(workFolder + "/" + e.Name())
		}
	}
}
