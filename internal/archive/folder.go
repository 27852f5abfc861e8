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
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	folderMode = 0o700 // only the worker's user may read invoices; give others a copy
	fileMode   = 0o600

	// Files are written in this folder and then linked to their name. In the target folder itself,
	// a crash would leave temporary files among the accountant's documents. To find them, one would
	// have to walk through millions of files.
	workFolder = ".tmp"
	workMaxAge = time.Hour
)

// folder is the file back end. Put writes and links, which survives a kill; Flush syncs, which
// survives a power cut. All access goes through os.Root, so that no name and no symbolic link leads
// out of the archive.
//
// Any step may hang in the system while a network share is not available. The guard (guard.go) then
// stops waiting for the call. So every wait here ends with its context, and a call that returns too
// late publishes nothing.
type folder struct {
	path     string
	tree     atomic.Pointer[tree] // nil until opened; see open
	readOnly bool                 // see [Options.ReadOnly]; never changed after opening began
	real     string               // the path without links, as it was when the folder was first opened; guarded by opening

	renewals atomic.Int64
	opening  lock
	flushing lock // one Flush at a time; a Flush that waited finds its work already done
	mu       sync.Mutex
	pending  map[string][32]byte // put since the last Flush began: the hash of what was put
	unproven map[string][32]byte // files whose Flush failed: the system may have lost their bytes although it still shows them
}

func newFolder(u *url.URL) (*folder, error) {
	if u.Host != "" && u.Host != "localhost" || u.RawQuery != "" || u.Fragment != "" || !filepath.IsAbs(u.Path) {
		return nil, fmt.Errorf("open archive: write file:///absolute/folder, not %s", u.Redacted())
	}
	return &folder{path: filepath.Clean(u.Path), opening: newLock(), flushing: newLock(),
		pending: map[string][32]byte{}, unproven: map[string][32]byte{}}, nil
}

func (f *folder) Put(ctx context.Context, name string, data []byte, _ string) error {
	if err := checkName(name); err != nil {
		return err
	}
	t, err := f.openToWrite(ctx)
	if err != nil {
		return err
	}
	if err := f.after(t, t.put(ctx, name, data)); err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	f.accepted(name, data)
	return nil
}

func (t *tree) put(ctx context.Context, name string, data []byte) error {
	if t.f.isUnproven(name) {
		return t.rewrite(ctx, name, data)
	}
	held, err := t.read(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		err = t.create(ctx, name, data)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		held, err = t.read(ctx, name) // another process was faster
	}
	if err != nil {
		return err
	}
	switch {
	case bytes.Equal(held, data):
		return nil
	case bytes.HasPrefix(data, held):
		// A power cut leaves the beginning of a file that was never flushed, most often an empty
		// file. No document is the beginning of another, so this overwrites no whole document.
		return t.overwrite(ctx, name, data)
	}
	return ErrConflict
}

// rewrite puts again a file that is lost, or whose bytes on disk cannot be trusted. It returns
// ErrConflict only when the file has other content.
func (t *tree) rewrite(ctx context.Context, name string, data []byte) error {
	held, err := t.read(ctx, name)
	if err == nil && !bytes.HasPrefix(data, held) {
		return ErrConflict
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return t.overwrite(ctx, name, data)
}

func (f *folder) Replace(ctx context.Context, name string, data []byte, _ string) error {
	if err := checkReplaceable(name); err != nil {
		return err
	}
	t, err := f.openToWrite(ctx)
	if err != nil {
		return err
	}
	if err := f.after(t, t.replace(ctx, name, data)); err != nil {
		return fmt.Errorf("replace %s: %w", name, err)
	}
	f.accepted(name, data)
	return nil
}

func (t *tree) replace(ctx context.Context, name string, data []byte) error {
	if held, err := t.read(ctx, name); err == nil && bytes.Equal(held, data) && !t.f.isUnproven(name) {
		return nil
	}
	// The first version is the common case and costs no sync of its own. Replacing an older version
	// costs a sync, because a power cut must leave one of the two versions and not an empty file.
	err := t.create(ctx, name, data)
	if errors.Is(err, fs.ErrExist) {
		return t.overwrite(ctx, name, data)
	}
	return err
}

func (f *folder) Get(ctx context.Context, name string) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	t, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	data, err := t.read(ctx, name)
	if err = t.readFault(name, f.after(t, err)); err != nil {
		return nil, fmt.Errorf("get %s: %w", name, err)
	}
	return data, nil
}

// readFault returns the error of reading a file as an error of the object. Missing rights, or
// something else in the place of the file, such as a folder or a link, concern this object alone,
// so the object counts as damaged. A document that waits to be sent does not count as damaged,
// because its invoice waits until a person has put the document back.
func (t *tree) readFault(name string, err error) error {
	body := strings.HasPrefix(name, bodiesPrefix)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !body && t.isLink(name):
		return fmt.Errorf("%w: a link is in its place, and leads nowhere: put the file there", ErrCorrupt)
	case errors.Is(err, fs.ErrNotExist):
		return ErrNotFound
	case body:
		return err
	case errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%w: a folder is in its place", ErrCorrupt)
	case errors.Is(err, errNoFile):
		return fmt.Errorf("%w: %w", ErrCorrupt, errNoFile)
	case ofOneObject(err):
		return fmt.Errorf("%w: it cannot be opened: %w", ErrCorrupt, err)
	}
	return err
}

// errNoFile says that a name has something that can be neither read nor listed, such as a pipe or a
// socket.
var errNoFile = errors.New("what is in its place is neither a file nor a folder: put the file there")

func (t *tree) isLink(name string) bool {
	info, err := t.root.Lstat(name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// isOdd reports whether a name has something that is neither a file nor a folder.
func (t *tree) isOdd(name string) bool {
	info, err := t.root.Lstat(name)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// openFile opens a file. For a pipe it fails at once and does not wait for a writer. It waits for a
// file on which another program, such as Samba, holds a lease.
func (t *tree) openFile(name string) (*os.File, fs.FileInfo, error) {
	file, err := t.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.EAGAIN) {
		file, err = t.root.Open(name)
	}
	if errors.Is(err, syscall.ENXIO) && t.isOdd(name) { // a socket
		err = &fs.PathError{Op: "read", Path: name, Err: errNoFile}
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = &fs.PathError{Op: "read", Path: name, Err: syscall.EISDIR}
	case !info.Mode().IsRegular():
		err = &fs.PathError{Op: "read", Path: name, Err: errNoFile}
	default:
		return file, info, nil
	}
	return nil, nil, errors.Join(err, file.Close())
}

// ofOneObject reports whether an error of the system concerns one file or folder, and not the disk
// or the share. An error without a number is errNoFile, or the error of [os.Root] about a link that
// leads out of the folder.
func ofOneObject(err error) bool {
	var number syscall.Errno
	if errors.As(err, &number) {
		return !slices.Contains(sickNumbers, number)
	}
	var of *fs.PathError
	var link *os.LinkError
	return (errors.As(err, &of) || errors.As(err, &link)) && !errors.Is(err, fs.ErrClosed)
}

func (f *folder) Remove(ctx context.Context, name string) error {
	if err := checkRemovable(name); err != nil {
		return err
	}
	t, err := f.open(ctx)
	if errors.Is(err, ErrNoFolder) {
		return nil
	}
	if err != nil {
		return err
	}
	if f.readOnly {
		return fmt.Errorf("remove %s: %w", name, ErrReadOnly)
	}
	f.mu.Lock()
	delete(f.pending, name)
	delete(f.unproven, name)
	f.mu.Unlock()
	if err := f.after(t, t.root.Remove(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// Check also tests that a sync works, which some network file systems refuse.
func (f *folder) Check(ctx context.Context) error {
	t, err := f.open(ctx)
	if err == nil && t.replaced() {
		err = f.forget(t)
	}
	if err != nil {
		return fmt.Errorf("check archive: %w", err)
	}
	temp, err := t.writeTemp(probe, true)
	if err != nil {
		return fmt.Errorf("check archive: %w", err)
	}
	data, err := t.read(ctx, temp)
	if err == nil && !bytes.Equal(data, probe) {
		err = ErrCorrupt
	}
	if err = errors.Join(err, t.root.Remove(temp)); err != nil {
		return fmt.Errorf("check archive: %w", err)
	}
	return nil
}

func (f *folder) URL(name string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(f.path, filepath.FromSlash(name)))}).String()
}

// Close does not wait for a call that hangs. The open files of such a call are closed when the
// process ends.
func (f *folder) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if f.opening.take(ctx) != nil {
		return nil
	}
	t := f.tree.Load()
	if t == nil {
		return nil
	}
	return errors.Join(t.self.Close(), t.root.Close())
}
