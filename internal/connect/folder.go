package connect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// CheckFolder returns why this process cannot make or write the folder of a setting, and nil when
// it can. It changes nothing. The worker makes a folder that does not exist, so the nearest
// existing parent is checked. proven is false when the system gave no certain answer. For example,
// root has the right to write everywhere, but only a write shows whether the file system takes it.
func CheckFolder(setting, dir string) (proven bool, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return false, fmt.Errorf("%s: %w", setting, err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at) {
			if target, linked := os.Readlink(at); linked == nil {
				return false, fmt.Errorf("%s: %s is a link to %s, which does not exist", setting, at, target)
			}
			continue
		}
		if err != nil {
			return false, fmt.Errorf("%s: %w", setting, err)
		}
		if !info.IsDir() {
			return false, fmt.Errorf("%s: %s is not a folder", setting, at)
		}
		proven, err := mayWrite(at)
		switch {
		case err != nil && at == dir:
			return false, fmt.Errorf("%s: this process cannot write in %s: %w", setting, at, err)
		case err != nil:
			return false, fmt.Errorf("%s: %s does not exist, and this process cannot make it in %s: %w", setting, dir, at, err)
		}
		return proven, nil
	}
}
