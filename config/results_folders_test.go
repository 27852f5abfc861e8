package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Two receivers must not have the same folder, because neither would know of the files that the
// other one writes. The paths may differ and still lead to the same folder.
func TestResults_TwoFoldersAreOne_BothSettingsAreNamed(t *testing.T) {
	_, err := Load(writeFile(t, "c.yaml", minimal+"results: {folder: {path: /r/a/../a/}, folders: [{name: b, path: /r/a}]}\n"), nil)
	if d := cmp.Diff([]string{"results.folders[0].path"}, fieldsOf(err)); d != "" || !strings.Contains(err.Error(), "results.folder.path") {
		t.Errorf("the faults differ (-want +got): %s\n%v", d, err)
	}
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.Mkdir(real, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	for _, below := range []string{"", "not/yet/there"} {
		r := Results{Folder: ResultsFolder{Path: filepath.Join(real, below)}, Folders: []FolderReceiver{
			{Name: "other", Path: filepath.Join(dir, "other", below)}, {Name: "inside", Path: filepath.Join(link, below, "inside")},
			{Name: "same", Path: filepath.Join(link, below)}}}
		err := r.CheckFolders()
		if d := cmp.Diff([]string{"results.folders[2].path"}, fieldsOf(err)); d != "" {
			t.Errorf("the faults differ (-want +got): %s\n%v", d, err)
		} else if want := "is the same folder as results.folder.path (" + r.Folder.Path + ")"; !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name the other folder: %v", err)
		}
	}
}
