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

	"ksefworker/internal/plural"
)

// manyFiles is the number of files above which one sync of the whole file system (syncfs) replaces
// one sync for each file.
//
// Measured with 20,000 files of 9 kB on ext4, two busy cores, one writer. A sync within each Put
// took 25 s in all. One syncfs at the end instead took 11 s in all, of which syncfs took 0.5 s. A
// sync of each file at the end took over 20 s for the syncs alone, with 1 or 32 of them at once.
// But syncfs also waits for the data of other programs. With 1 GB of their data not yet written,
// syncfs took 1.2 s, and a hundred single syncs took 0.15 s. So a single receipt is synced by
// itself, and the archive of a night as a whole.
const manyFiles = 256

// maxRepairs is the maximum number of files from failed flushes of other callers that one Flush
// with names writes again.
const maxRepairs = 16

var (
	errInterrupted = errors.New("interrupted")
	// errUnproven says that a power cut may lose a file although it was put. Putting it again
	// writes it again.
	errUnproven = errors.New("may not be durable, because a flush failed; put them again")
)

// accepted records a file for the next Flush. It does so even for a file that existed before,
// because the process that put the file may not have flushed it yet.
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

// Flush syncs everything that was put since the last Flush. It returns an error only when one of
// the given names may not be durable. Without names, it returns an error when any file may not be
// durable.
//
// A failed sync must never simply be repeated. The system has marked the lost pages as clean, so
// the second sync succeeds without writing anything. So the files of a failed Flush are unproven
// until they are written once more. The caller that put them may do that, perhaps in another
// process. Otherwise the next Flush writes them again, if their content still has the hash of what
// was put. A file that cannot be repaired fails only the Flush of the callers that ask for it.
func (f *folder) Flush(ctx context.Context, names ...string) error {
	t, err := f.open(ctx)
	if errors.Is(err, ErrNoFolder) {
		return nil // nothing was ever put into it
	}
	if err != nil {
		return err
	}
	if err := f.flushing.take(ctx); err != nil {
		return err
	}
	defer f.flushing.free()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if t.replaced() { // what was put is not in the folder that people see
		return fmt.Errorf("flush archive: %w", f.forget(t))
	}
	t.repair(ctx, names)

	f.mu.Lock()
	pending := f.pending
	f.pending = map[string][32]byte{}
	f.mu.Unlock()
	failed, err := t.sync(ctx, pending)
	f.mu.Lock()
	defer f.mu.Unlock()
	if errors.Is(err, errInterrupted) { // nothing failed; the next Flush handles these files, with the newest hash of each
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
		return fmt.Errorf("flush archive: %s: %w", plural.Of(lost, "file", "files"), err)
	}
	return fmt.Errorf("flush archive: %s %w", plural.Of(lost, "file is", "files are"), errUnproven)
}

// sync returns the files that it could not sync, and the first error. When ctx ends it returns nil
// and errInterrupted.
func (t *tree) sync(ctx context.Context, names map[string][32]byte) (failed map[string][32]byte, err error) {
	if len(names) > manyFiles {
		err := syncFileSystem(t.self)
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
		// A missing body was removed in the meantime; no other kind of file is ever removed.
		if err := t.syncOne(name); err != nil && !(errors.Is(err, fs.ErrNotExist) && checkRemovable(name) == nil) {
			fail(name, err)
		}
		for dir := path.Dir(name); ; dir = path.Dir(dir) {
			folders[dir] = append(folders[dir], name)
			if dir == "." {
				break
			}
		}
	}
	// The name of a file is stored in its folder, and the name of the folder in the one above. All
	// of them must be synced, or a power cut loses the file together with its folder.
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		if why := t.syncOne(dir); why != nil {
			for _, name := range folders[dir] {
				fail(name, why)
			}
		}
	}
	return failed, err
}

func (t *tree) syncOne(name string) error {
	file, err := t.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// repair writes unproven files again. With names, it repairs these files first and then up to
// maxRepairs others. Without names, it repairs all. It stops at the first file that cannot be
// written, because then the disk is still faulty.
func (t *tree) repair(ctx context.Context, names []string) {
	t.f.mu.Lock()
	unproven := maps.Clone(t.f.unproven)
	t.f.mu.Unlock()
	for _, name := range names {
		if sum, ok := unproven[name]; ok && !t.repairOne(ctx, name, sum) {
			return
		}
		delete(unproven, name)
	}
	others := 0
	for name, sum := range unproven {
		if others++; len(names) > 0 && others > maxRepairs || !t.repairOne(ctx, name, sum) {
			return
		}
	}
}

// repairOne writes one unproven file again. It returns false when the disk does not accept the
// write.
func (t *tree) repairOne(ctx context.Context, name string, sum [32]byte) bool {
	held, err := t.read(ctx, name)
	if errors.Is(err, fs.ErrNotExist) && checkRemovable(name) == nil { // a body that another process removed
		t.f.mu.Lock()
		delete(t.f.unproven, name)
		t.f.mu.Unlock()
	}
	if err != nil || sha256.Sum256(held) != sum {
		return true // missing or changed: only a caller that has the bytes can put them again
	}
	if t.overwrite(ctx, name, held) != nil {
		return false
	}
	t.f.accepted(name, held) // its folders must be synced, too
	return true
}
