package simulator

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// vault keeps the bytes of the documents in one file that only grows, because the export of a night
// would not fit in memory. It is safe for concurrent use.
type vault struct {
	mu   sync.Mutex
	file *os.File
	size int64
	once sync.Once
}

// location is the place of one document in the vault.
type location struct{ at, size int64 }

func openVault(dir string) (*vault, error) {
	f, err := os.Create(filepath.Join(dir, "documents"))
	if err != nil {
		return nil, err
	}
	return &vault{file: f}, nil
}

func (v *vault) put(content []byte) (location, error) {
	v.mu.Lock()
	l := location{at: v.size, size: int64(len(content))}
	v.size += l.size
	v.mu.Unlock()
	if _, err := v.file.WriteAt(content, l.at); err != nil {
		return location{}, fmt.Errorf("keep document: %w", err)
	}
	return l, nil
}

func (v *vault) get(l location) ([]byte, error) {
	content := make([]byte, l.size)
	if _, err := v.file.ReadAt(content, l.at); err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	return content, nil
}

// close may be called twice. After close, put and get return an error that wraps os.ErrClosed.
func (v *vault) close() error {
	var err error
	v.once.Do(func() { err = v.file.Close() })
	return err
}
