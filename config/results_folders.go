package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// CheckFolders returns a [FieldError] for each folder of results that is also the folder of another
// receiver, or that is the same as another folder of this program, lies inside it or contains it.
// [Load] compares only the paths of receivers. CheckFolders also follows links and mounts, so it
// may hang while a share is away. A folder that CheckFolders cannot see is not compared.
func (c Config) CheckFolders() error {
	var f faults
	places := c.Results.folderPlaces()
	for i, at := range places {
		for _, other := range places[:i] {
			if at.same(other) {
				f.add(at.setting, at.path, sharedFolder(other.setting, other.path))
				break
			}
		}
	}
	return errors.Join(append(f.all,
		c.Results.CheckApart("archive.url", c.Archive.Folder()),
		c.Results.CheckApart("packages.spool_dir", c.Packages.Spool()),
		c.Results.CheckApart("intake.http.temp_dir", c.Intake.HTTP.TempDir))...)
}

// CheckApart returns a [FieldError] for each folder of results that is the given folder, lies
// inside it or contains it. whose says what the given folder holds. CheckApart follows links and
// mounts as [Config.CheckFolders] does. folder is "" when this program has no such folder.
func (r Results) CheckApart(whose, folder string) error {
	places := r.folderPlaces()
	if folder == "" || len(places) == 0 {
		return nil
	}
	other, ok := placeOfFolder(folder)
	if !ok {
		return nil
	}
	var f faults
	for _, at := range places {
		how := ""
		switch {
		case at.same(other):
			how = "is also the folder"
		case at.inside(other):
			how = "is inside the folder"
		case other.inside(at):
			how = "contains the folder"
		default:
			continue
		}
		f.add(at.setting, at.path, fmt.Errorf("%s of %s (%s): name one that has only results", how, whose, folder))
	}
	return errors.Join(f.all...)
}

// folderPlaces returns where the folders of results are.
func (r Results) folderPlaces() (places []folderPlace) {
	for _, folder := range r.AllFolders() {
		if at, ok := placeOfFolder(folder.Path); ok {
			at.setting, at.path = r.Setting(folder.Name)+".path", folder.Path
			places = append(places, at)
		}
	}
	return places
}

// folderPlace says where a folder is, even when it does not exist yet. The field there is the
// folder itself, or its nearest parent that exists. The field below is the path from that parent to
// the folder; "" for the folder itself.
type folderPlace struct {
	setting, path string
	real          string // without links, as far as it exists
	there         fs.FileInfo
	below         string
}

func (p folderPlace) same(q folderPlace) bool {
	return p.below == q.below && os.SameFile(p.there, q.there)
}

// inside reports whether a parent of p is q.
func (p folderPlace) inside(q folderPlace) bool {
	for at := p.real; at != filepath.Dir(at); {
		at = filepath.Dir(at)
		if parent, ok := placeOfFolder(at); ok && parent.same(q) {
			return true
		}
	}
	return false
}

// placeOfFolder returns false when the system does not say where a folder is.
func placeOfFolder(path string) (p folderPlace, ok bool) {
	for at := filepath.Clean(path); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err == nil {
			p.there = info
			real, err := filepath.EvalSymlinks(at)
			p.real = filepath.Join(real, p.below)
			return p, err == nil
		}
		if !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			return p, false
		}
		p.below = filepath.Join(filepath.Base(at), p.below)
	}
}
