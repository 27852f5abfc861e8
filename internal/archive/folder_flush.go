package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
)

// manyFiles is from where on one sync of the whole file system (syncfs) is used in place of one for each file.
//
// Measured with 20,000 files of 9 kB on ext4, two busy cores, one writer: a sync within each Put 25 s in all; none in Put and one
// syncfs at the end 11 s, of which the syncfs 0.5 s; none in Put and then a sync of each file over 20 s for the syncs alone, with 1 or 32 of them at
// once. But syncfs waits for everybody's bytes: with 1 GB of another program's unwritten data beside it 1.2 s, where a hundred
// single syncs took 0.15 s. So a lone receipt is synced by itself and a night's archive as a whole.
const manyFiles = 256

var errInterrupted = errors.New("interrupted")

// accepted remembers what the next Flush has to prove. Names that were there already count too: the process that put them may
// not have flushed yet.
func (f *folder) accepted(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending[name] = struct{}{}
}

func (f *folder) isUnproven(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.unproven[name]
	return ok
}

// Flush syncs what was put since the last one.
//
// A sync that fails may never be simply repeated: the system then marks the lost pages clean, and the second sync succeeds without having
// written anything. So the names of a failed Flush are unproven: every Flush fails until they have been put again, which writes
// them anew.
func (f *folder) Flush(ctx context.Context) error {
	f.flushing.Lock()
	defer f.flushing.Unlock()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	f.mu.Lock()
	names := f.pending
	f.pending = map[string]struct{}{}
	lost := len(f.unproven)
	f.mu.Unlock()

	if err := f.sync(ctx, names); err != nil {
		f.mu.Lock()
		if errors.Is(err, errInterrupted) { // nothing failed; the next Flush does them all
			maps.Copy(f.pending, names)
		} else {
			maps.Copy(f.unproven, names)
		}
		f.mu.Unlock()
		return fmt.Errorf("flush archive: %w", err)
	}
	if lost > 0 {
		return fmt.Errorf("flush archive: %d files of an earlier flush that failed have not been put again", lost)
	}
	return nil
}

func (f *folder) sync(ctx context.Context, names map[string]struct{}) error {
	if len(names) > manyFiles {
		err := syncFileSystem(f.self)
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	folders := map[string]struct{}{".": {}}
	for name := range names {
		if ctx.Err() != nil {
			return errors.Join(errInterrupted, context.Cause(ctx))
		}
		if err := f.syncOne(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err // gone means removed meanwhile, as bodies are
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			folders[dir] = struct{}{}
		}
	}
	if len(names) == 0 {
		return nil
	}
	// A file's name lives in its folder, the folder's name in the one above: all of them, or a power cut takes the file by its parent.
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		if err := f.syncOne(dir); err != nil {
			return err
		}
	}
	return nil
}

func (f *folder) syncOne(name string) error {
	file, err := f.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
