package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Two receivers must not have the same folder, because neither would know of the files that the
// other receiver writes. The paths may differ and still lead to the same folder.
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
		err := Config{Results: r}.CheckFolders()
		if d := cmp.Diff([]string{"results.folders[2].path"}, fieldsOf(err)); d != "" {
			t.Errorf("the faults differ (-want +got): %s\n%v", d, err)
		} else if want := "is the same folder as results.folder.path (" + r.Folder.Path + ")"; !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want it to say %q", err, want)
		}
	}
}

// A program that reads results may remove the files, or move them away. It must never do so with
// files of the archive, the spool or the intake. So a folder for results must not be a folder of
// these, lie inside one, or contain one.
func TestResults_FolderSharesFilesWithAnother_BothSettingsAreNamed(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.MkdirAll(filepath.Join(real, "there"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	others := map[string]func(*Config, string){
		"archive.url":          func(c *Config, path string) { c.Archive.URL = "file://" + path },
		"packages.spool_dir":   func(c *Config, path string) { c.Packages.SpoolDir = path },
		"intake.http.temp_dir": func(c *Config, path string) { c.Intake.HTTP.TempDir = path },
	}
	for setting, set := range others {
		for _, c := range []struct{ results, other, says string }{
			{"real", "link", "is also the folder of "},
			{"real/new/", "link/new", "is also the folder of "},
			{"link/there", "real", "is inside the folder of "},
			{"link/there/new/deep", "real/there/new", "is inside the folder of "},
			{"real", "link/there", "contains the folder of "},
			{"link/new", "real/new/deep", "contains the folder of "},
			{"real/there", "real/there-too", ""},
			{"real/new", "link/newer", ""},
			{"real/there", "away", ""},
		} {
			results, other := filepath.Join(dir, c.results), filepath.Join(dir, c.other)
			cfg := Config{}
			cfg.Results.Folders = []FolderReceiver{{Name: "a", Path: filepath.Join(dir, "own")}, {Name: "b", Path: results}}
			cfg.Packages.SpoolDir = filepath.Join(dir, "spool")
			set(&cfg, other)
			var want []string
			if c.says != "" {
				want = []string{"results.folders[1].path"}
			}
			err := cfg.CheckFolders()
			if d := cmp.Diff(want, fieldsOf(err)); d != "" {
				t.Errorf("%s %s, results %s: the faults differ (-want +got): %s\n%v", setting, other, results, d, err)
			} else if want != nil && !strings.Contains(err.Error(), c.says+setting+" ("+other+")") {
				t.Errorf("%s %s, results %s: the error is %v, want it to say %q", setting, other, results, err,
					c.says+setting+" ("+other+")")
			}
		}
	}
}
