package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/minio/minio-go/v7"
)

// maxListed bounds the memory for one folder, at about 100 bytes a name. A seller with 600,000
// invoices a month has 1,200,000 files in the folder of that month, because each invoice has a
// document and a result.
const maxListed = 3_000_000

// errTooMany says that a folder holds more names than are listed.
var errTooMany = fmt.Errorf("folder of the archive has more than %d names", maxListed)

// errNotListed says that something else is in the place of a folder.
var errNotListed = fmt.Errorf("%w: it is a file or a link that cannot be followed, and should be a folder", ErrCorrupt)

// Lister lists an archive. It is separate from [Store], because most users of a store need no list.
type Lister interface {
	// List returns the names in a folder, sorted, but not those inside its subfolders. The name of
	// a subfolder ends in "/". The folder "" is the archive itself. For a folder that does not
	// exist, List returns no names. For one that cannot be listed although the archive works, the
	// error is ErrCorrupt. Something in the folder that is neither a file nor a folder, such as a
	// pipe, is listed as a file. Names that the archive keeps for itself are left out.
	List(ctx context.Context, folder string) ([]string, error)
}

// ListIn lists a folder of a store from [Open], or of one that [Owned] or [Guard] made of it.
func ListIn(ctx context.Context, s Store, folder string) ([]string, error) {
	l, ok := s.(Lister)
	if !ok {
		return nil, fmt.Errorf("list %s: this archive cannot be listed", folder)
	}
	return l.List(ctx, folder)
}

func checkFolder(folder string) error {
	if folder == "" {
		return nil
	}
	return checkName(folder)
}

// List implements Lister.
func (f *folder) List(ctx context.Context, folder string) ([]string, error) {
	if err := checkFolder(folder); err != nil {
		return nil, err
	}
	t, err := f.open(ctx)
	if errors.Is(err, ErrNoFolder) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names, err := t.list(ctx, folder)
	err = f.after(t, err)
	missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
	switch {
	case (missing || errors.Is(err, syscall.ENXIO)) && t.isNoFolder(folder): // a socket gives ENXIO
		err = errNotListed
	case missing:
		return nil, nil
	case folder != "" && ofOneObject(err):
		err = fmt.Errorf("%w: it cannot be listed: %w", ErrCorrupt, err)
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", folder, err)
	}
	return names, nil
}

// listedAtOnce is how many entries of a folder are read between two checks of the context.
const listedAtOnce = 1000

func (t *tree) list(ctx context.Context, folder string) ([]string, error) {
	dir, err := t.root.OpenFile(path.Join(".", folder), os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe in the folder's place must not block
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var names []string
	for {
		entries, err := dir.ReadDir(listedAtOnce)
		for _, e := range entries {
			if name := path.Join(folder, e.Name()); t.isFolder(name, e) {
				names = appendListed(names, name+"/")
			} else {
				names = appendListed(names, name)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			slices.Sort(names)
			return names, nil
		case err != nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case len(names) > maxListed:
			return nil, errTooMany
		}
		allow(ctx, listedAtOnce)
	}
}

// isNoFolder reports whether a name has something that is no folder.
func (t *tree) isNoFolder(name string) bool {
	info, err := t.root.Lstat(path.Join(".", name))
	return err == nil && !info.IsDir()
}

// isFolder reports whether an entry of a folder is a folder, or a link to one within the archive. A
// link that cannot be followed, a pipe and the like are listed as files, so that readers name what
// they cannot read.
func (t *tree) isFolder(name string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := t.root.Stat(name)
	return err == nil && info.IsDir()
}

// appendListed appends a name if a document can have it.
func appendListed(names []string, name string) []string {
	if checkName(strings.TrimSuffix(name, "/")) != nil {
		return names
	}
	return append(names, name)
}

// List implements Lister.
func (b *bucket) List(ctx context.Context, folder string) ([]string, error) {
	if err := checkFolder(folder); err != nil {
		return nil, err
	}
	prefix := b.prefix
	if folder != "" {
		prefix += folder + "/"
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the goroutine that asks for the pages
	var names []string
	for o := range b.core.Client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: prefix, MaxKeys: listedAtOnce}) {
		if o.Err != nil {
			return nil, fmt.Errorf("list %s: %w", b.URL(folder), o.Err)
		}
		names = appendListed(names, strings.TrimPrefix(o.Key, b.prefix))
		if len(names) > maxListed {
			return nil, fmt.Errorf("list %s: %w", b.URL(folder), errTooMany)
		}
		if len(names)%listedAtOnce == 0 {
			allow(ctx, listedAtOnce)
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// List implements Lister.
func (g *guard) List(ctx context.Context, folder string) ([]string, error) {
	var names []string
	err := g.do(ctx, "list "+folder, folder+"/", g.timeout, func(ctx context.Context) (err error) {
		names, err = ListIn(ctx, g.Store, folder)
		return err
	})
	if err != nil {
		return nil, err // the goroutine that was left behind may still write names
	}
	return names, nil
}

// List implements Lister.
func (s *OwnedStore) List(ctx context.Context, folder string) ([]string, error) {
	ctx, err := s.ask(ctx, false)
	if err != nil {
		return nil, err
	}
	return ListIn(ctx, s.Store, folder)
}

var (
	_ Lister = (*folder)(nil)
	_ Lister = (*bucket)(nil)
	_ Lister = (*guard)(nil)
	_ Lister = (*OwnedStore)(nil)
)
