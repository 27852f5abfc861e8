package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// CheckFolders returns a [FieldError] for each folder of results that is also the folder of another
// receiver. [Load] compares only the paths. CheckFolders also follows links and mounts, so it may
// hang while a share is away. A folder that it cannot look up counts as different from all others.
func (r Results) CheckFolders() error {
	all := r.AllFolders()
	if len(all) < 2 {
		return nil
	}
	var f faults
	var before []folderPlace
	for _, folder := range all {
		at, ok := placeOfFolder(folder.Path)
		if !ok {
			continue
		}
		at.setting, at.path = r.Setting(folder.Name)+".path", folder.Path
		for _, other := range before {
			if at.same(other) {
				f.add(at.setting, at.path, sharedFolder(other.setting, other.path))
				break
			}
		}
		before = append(before, at)
	}
	return errors.Join(f.all...)
}

// folderPlace says where a folder is, even when it does not exist yet. The field there is the
// folder itself, or its nearest parent that exists. The field below is the path from that parent to
// the folder; "" for the folder itself.
type folderPlace struct {
	setting, path string
	there         fs.FileInfo
	below         string
}

func (p folderPlace) same(q folderPlace) bool {
	return p.below == q.below && os.SameFile(p.there, q.there)
}

// placeOfFolder returns false when the system does not say where a folder is.
func placeOfFolder(path string) (p folderPlace, ok bool) {
	for at := filepath.Clean(path); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err == nil {
			p.there = info
			return p, true
		}
		if !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			return p, false
		}
		p.below = filepath.Join(filepath.Base(at), p.below)
	}
}
