package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// tree is the folder as it was opened. While the process runs, a person may remove the folder and
// make it again, or put another one in its place. Then a new tree takes the place of this one. A
// call that is under way keeps the tree with which it began. So nobody closes a tree that was
// replaced. The garbage collector closes the files of such a tree when nothing uses them any more.
type tree struct {
	f    *folder
	root *os.Root
	self *os.File // the root again; it stays open because syncfs reports only failures since the file was opened

	prepared bool // the work folder was made and cleared; guarded by opening
}

// errReplaced says that the folder at the path is no longer the one that was open. So the call
// found nothing or wrote nothing. The next call opens the new folder. The call is not repeated
// here, because the caller has to ask first whose archive the new folder is (see [Owned]).
var errReplaced = errors.New("the archive's folder was removed or replaced while this process had it open")

// ErrNoFolder says that the folder of an archive does not exist and was never open. So nothing is
// in it, as far as this process can tell. The error is also an [ErrNotFound].
var ErrNoFolder = fmt.Errorf("%w: its folder does not exist", ErrNotFound)

// open opens the folder unless it is already open. Every call begins with open or openToWrite.
//
// Only the first opening makes the folder, and only to write. A process that reads never makes it,
// because a folder that is missing may be a share that is not mounted. After the first opening, a
// missing folder is even more likely to be such a share, and nobody would find what was written
// below its mount point. A later opening must also lead to where the first one led, so a link that
// came in between is not followed.
func (f *folder) open(ctx context.Context) (*tree, error) { return f.opened(ctx, false) }

// openToWrite is open for a call that writes.
func (f *folder) openToWrite(ctx context.Context) (*tree, error) { return f.opened(ctx, !f.readOnly) }

func (f *folder) opened(ctx context.Context, write bool) (*tree, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := f.opening.take(ctx); err != nil {
		return nil, err
	}
	defer f.opening.free()
	if n, ok := ctx.Value(renewalKey{}).(int64); ok && n != f.renewals.Load() {
		return nil, errReplaced
	}
	t := f.tree.Load()
	if t == nil {
		var err error
		if t, err = f.openTree(write); err != nil {
			return nil, err
		}
	}
	if write && !t.prepared {
		if err := t.root.MkdirAll(workFolder, folderMode); err != nil {
			return nil, err
		}
		t.clearWork(time.Now().Add(-workMaxAge))
		t.prepared = true
	}
	return t, nil
}

// openTree opens the folder. If make is true, it makes the folder when it was never open. Its
// caller holds opening.
func (f *folder) openTree(make bool) (*tree, error) {
	if f.real == "" && make {
		if err := f.make(); err != nil {
			return nil, err
		}
	}
	if f.real == "" && !make && !f.readOnly {
		if _, err := os.Lstat(f.path); errors.Is(err, fs.ErrNotExist) {
			return nil, ErrNoFolder
		}
	}
	real, err := filepath.EvalSymlinks(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.real == "" && !f.readOnly:
		return nil, f.linkFault(err)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: make it again, with what was in it, or mount it: %w", errReplaced, err)
	case err != nil:
		return nil, err
	case f.real != "" && f.real != real:
		return nil, fmt.Errorf("%w: %s leads to %s now, and no longer to %s; if that is intended, restart this process",
			errReplaced, f.path, real, f.real)
	}
	t := &tree{f: f}
	if t.root, err = os.OpenRoot(real); err != nil {
		return nil, err
	}
	if t.self, err = t.root.Open("."); err != nil {
		return nil, errors.Join(err, t.root.Close())
	}
	f.real = real
	f.tree.Store(t)
	return t, nil
}

func (f *folder) make() error {
	err := os.MkdirAll(f.path, folderMode)
	if err == nil {
		return nil
	}
	return f.linkFault(err)
}

// linkFault adds to an error where the path leads, if it is a link.
func (f *folder) linkFault(err error) error {
	if target, linked := os.Readlink(f.path); linked == nil {
		err = fmt.Errorf("a link to %s, which cannot be used: %w", target, err)
	}
	return err
}

// after returns what the failure of a call means. When the folder at the path is no longer the one
// that is open, the failure says nothing about the archive. For example, it does not mean that a
// document is missing.
func (f *folder) after(t *tree, err error) error {
	if err == nil || errors.Is(err, ErrConflict) || !t.replaced() {
		return err
	}
	return f.forget(t)
}

// replaced reports whether the path leads to another folder than t, or to none. It is false when
// the system cannot tell.
func (t *tree) replaced() bool {
	there, err := os.Stat(t.f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	held, gone := t.root.Stat(".")
	if err != nil || gone != nil {
		return err == nil && errors.Is(gone, syscall.ESTALE)
	}
	return !os.SameFile(there, held)
}

// forget lets the next call open the folder again, and returns the error of the present call. A
// file that was put and not flushed may be lost, so it is unproven until it is put again.
func (f *folder) forget(t *tree) error {
	if f.tree.CompareAndSwap(t, nil) {
		f.mu.Lock()
		defer f.mu.Unlock()
		for name, sum := range f.pending {
			f.unproven[name] = sum
		}
		f.pending = map[string][32]byte{}
		f.renewals.Add(1)
	}
	return errReplaced
}

// A caller that has asked who owns the folder must not get another folder instead. So its context
// holds how often the folder had been replaced when the caller asked. A call fails when this number
// has changed.

// renewalKey is the key of that number in the context of a call.
type renewalKey struct{}

// renewalsOf returns how often the folder of a store was replaced while it was open; 0 for a
// bucket.
func renewalsOf(s Store) int64 {
	if r, ok := s.(interface{ renewed() int64 }); ok {
		return r.renewed()
	}
	return 0
}

func (f *folder) renewed() int64 { return f.renewals.Load() }

func (g *guard) renewed() int64 { return renewalsOf(g.Store) }
