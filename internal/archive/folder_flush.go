package archive

import (
	"context"
	"crypto/sha256"
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

// healAtOnce is how many files of other callers' failed flushes one Flush writes again on the way.
const healAtOnce = 16

var (
	errInterrupted = errors.New("interrupted")
	// errUnproven says that a file was put and may be lost by a power cut: putting it again writes it again.
	errUnproven = errors.New("not proven durable since a flush failed; put them again")
)

// accepted remembers what the next Flush has to prove. Names that were there already count too: the process that put them may
// not have flushed yet.
func (f *folder) accepted(name string, data []byte) {
	sum := sha256.Sum256(data)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending[name] = sum
}

func (f *folder) isUnproven(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.unproven[name]
	return ok
}

// Flush syncs everything that was put since the last one, and answers for the names that it was asked for.
//
// A sync that fails may never be simply repeated: the system then marks the lost pages clean, and the second sync succeeds without having
// written anything. So the names of a failed Flush are unproven until they are written once more. Whoever put them may do that; or, since
// that may have gone on in another process, the next Flush does: what a file shows and bears the hash of what was put is what was put.
// A name that cannot be proven fails the Flush of those who ask for it, and of nobody else.
func (f *folder) Flush(ctx context.Context, names ...string) error {
	if err := f.open(ctx); err != nil {
		return err
	}
	if err := f.flushing.take(ctx); err != nil {
		return err
	}
	defer f.flushing.free()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	f.heal(ctx, names)

	f.mu.Lock()
	pending := f.pending
	f.pending = map[string][32]byte{}
	f.mu.Unlock()
	failed, err := f.sync(ctx, pending)
	f.mu.Lock()
	defer f.mu.Unlock()
	if errors.Is(err, errInterrupted) { // nothing failed; the next Flush does them all, unless they were put again meanwhile
		maps.Copy(pending, f.pending)
		f.pending = pending
		return fmt.Errorf("flush archive: %w", err)
	}
	maps.Copy(f.unproven, failed)
	lost := len(f.unproven)
	if len(names) > 0 {
		lost = 0
		for _, name := range names {
			if _, ok := f.unproven[name]; ok {
				lost++
			}
		}
	}
	switch {
	case lost == 0:
		return nil
	case err != nil:
		return fmt.Errorf("flush archive: %d files: %w", lost, err)
	}
	return fmt.Errorf("flush archive: %d files are %w", lost, errUnproven)
}

// sync returns those that it could not bring to disk, with the first reason; nil and errInterrupted when it was cut off.
func (f *folder) sync(ctx context.Context, names map[string][32]byte) (failed map[string][32]byte, err error) {
	if len(names) > manyFiles {
		err := syncFileSystem(f.self)
		switch {
		case err == nil:
			return nil, nil
		case !errors.Is(err, errors.ErrUnsupported):
			return names, err
		}
	}
	failed = map[string][32]byte{}
	fail := func(name string, why error) {
		failed[name] = names[name]
		if err == nil {
			err = why
		}
	}
	folders := map[string][]string{}
	for name := range names {
		if ctx.Err() != nil {
			return nil, errors.Join(errInterrupted, context.Cause(ctx))
		}
		if err := f.syncOne(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // gone means removed meanwhile, as bodies are
			fail(name, err)
		}
		for dir := path.Dir(name); ; dir = path.Dir(dir) {
			folders[dir] = append(folders[dir], name)
			if dir == "." {
				break
			}
		}
	}
	// A file's name lives in its folder, the folder's name in the one above: all of them, or a power cut takes the file by its parent.
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		if why := f.syncOne(dir); why != nil {
			for _, name := range folders[dir] {
				fail(name, why)
			}
		}
	}
	return failed, err
}

func (f *folder) syncOne(name string) error {
	file, err := f.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// heal writes unproven files once more: those of names and a few others, or all without names. It stops at the first that cannot be
// written: the disk is still sick.
func (f *folder) heal(ctx context.Context, names []string) {
	f.mu.Lock()
	unproven := maps.Clone(f.unproven)
	f.mu.Unlock()
	for _, name := range names {
		if sum, ok := unproven[name]; ok && !f.healOne(ctx, name, sum) {
			return
		}
		delete(unproven, name)
	}
	others := 0
	for name, sum := range unproven {
		if others++; len(names) > 0 && others > healAtOnce || !f.healOne(ctx, name, sum) {
			return
		}
	}
}

// healOne is false when the disk does not take it.
func (f *folder) healOne(ctx context.Context, name string, sum [32]byte) bool {
	held, err := f.read(ctx, name)
	if errors.Is(err, fs.ErrNotExist) && checkRemovable(name) == nil { // a body that another process removed
		f.mu.Lock()
		delete(f.unproven, name)
		f.mu.Unlock()
	}
	if err != nil || sha256.Sum256(held) != sum {
		return true // gone, or not what was put: only whoever has the bytes can put them again
	}
	if f.overwrite(ctx, name, held) != nil {
		return false
	}
	f.accepted(name, held) // its folders have to be brought to disk, too
	return true
}
