package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	folderMode = 0o700 // invoices are for the worker's user alone; give others a copy or a group by way of the parent folder
	fileMode   = 0o600

	// Files are written here and then linked to their place. Not beside their place, so that a crash litters no accountant's
	// folder, and leftovers are found without walking through millions of files.
	workFolder = ".tmp"
	workMaxAge = time.Hour
)

// folder is the file back end. Put writes and links, which survives a kill; Flush syncs, which survives a power cut. All access goes through os.Root, so that no name and no symbolic link leads out of the archive.
type folder struct {
	path string
	root *os.Root
	self *os.File // the root again, open for the store's life: syncfs reports only what failed after the opening

	flushing sync.Mutex // one Flush at a time; later ones find their work done
	mu       sync.Mutex
	pending  map[string]struct{} // put since the last Flush began
	unproven map[string]struct{} // their Flush failed: the system may have dropped their bytes although it still shows them
}

func openFolder(u *url.URL) (*folder, error) {
	if u.Host != "" && u.Host != "localhost" || u.RawQuery != "" || u.Fragment != "" || !filepath.IsAbs(u.Path) {
		return nil, fmt.Errorf("open archive: write file:///absolute/folder, not %s", u.Redacted())
	}
	f := &folder{path: filepath.Clean(u.Path), pending: map[string]struct{}{}, unproven: map[string]struct{}{}}
	if err := os.MkdirAll(f.path, folderMode); err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	var err error
	if f.root, err = os.OpenRoot(f.path); err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	if f.self, err = f.root.Open("."); err == nil {
		err = f.root.MkdirAll(workFolder, folderMode)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open archive: %w", err), f.Close())
	}
	f.clearWork(time.Now().Add(-workMaxAge))
	return f, nil
}

func (f *folder) Put(ctx context.Context, name string, data []byte, _ string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	err := f.put(name, data)
	if err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	f.accepted(name)
	return nil
}

func (f *folder) put(name string, data []byte) error {
	if f.isUnproven(name) {
		return f.rewrite(name, data)
	}
	held, err := f.root.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = f.create(name, data)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		held, err = f.root.ReadFile(name) // another process was quicker
	}
	if err != nil {
		return err
	}
	switch {
	case bytes.Equal(held, data):
		return nil
	case bytes.HasPrefix(data, held):
		// What a power cut leaves of a file that was never flushed: its beginning, most often nothing. No document is the
		// beginning of another, so this overwrites nothing that anybody kept.
		return f.overwrite(name, data)
	}
	return ErrConflict
}

// rewrite brings back a file whose bytes cannot be trusted, whatever it seems to hold; only other content is still a conflict.
func (f *folder) rewrite(name string, data []byte) error {
	held, err := f.root.ReadFile(name)
	if err == nil && !bytes.HasPrefix(data, held) {
		return ErrConflict
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.overwrite(name, data)
}

func (f *folder) Replace(ctx context.Context, name string, data []byte, _ string) error {
	if err := checkReplaceable(name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	err := f.replace(name, data)
	if err != nil {
		return fmt.Errorf("replace %s: %w", name, err)
	}
	f.accepted(name)
	return nil
}

func (f *folder) replace(name string, data []byte) error {
	if held, err := f.root.ReadFile(name); err == nil && bytes.Equal(held, data) && !f.isUnproven(name) {
		return nil
	}
	// The first version is the common one and costs no sync of its own. Over an older version it does: a power cut must leave one of the
	// two, not an empty file.
	err := f.create(name, data)
	if errors.Is(err, fs.ErrExist) {
		return f.overwrite(name, data)
	}
	return err
}

func (f *folder) Get(ctx context.Context, name string) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	data, err := f.root.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", name, err)
	}
	return data, nil
}

func (f *folder) Remove(ctx context.Context, name string) error {
	if err := checkRemovable(name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	f.mu.Lock()
	delete(f.pending, name)
	delete(f.unproven, name)
	f.mu.Unlock()
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// Check also proves that a sync works, which some network file systems refuse.
func (f *folder) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if _, err := os.Stat(f.path); err != nil {
		return fmt.Errorf("check archive: %w", err)
	}
	probe, err := f.work([]byte("probe"), true)
	if err != nil {
		return fmt.Errorf("check archive: %w", err)
	}
	data, err := f.root.ReadFile(probe)
	if err == nil && string(data) != "probe" {
		err = ErrCorrupt
	}
	if err = errors.Join(err, f.root.Remove(probe)); err != nil {
		return fmt.Errorf("check archive: %w", err)
	}
	return nil
}

func (f *folder) URL(name string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(f.path, filepath.FromSlash(name)))}).String()
}

func (f *folder) Close() error {
	var err error
	if f.self != nil {
		err = f.self.Close()
	}
	return errors.Join(err, f.root.Close())
}
