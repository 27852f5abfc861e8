package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/connect"
)

// Two configured paths lead to one folder, because one of them is a link. The paths alone do not
// show this. The check reports it, and no worker starts.
func TestCheck_FoldersOfResultsAreOneByALink_IsAFaultAndNoWorkerStarts(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.Mkdir(real, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	cfg := p.cfg
	cfg.Results.Folder.Path = real
	cfg.Results.Folders = []config.FolderReceiver{{Name: "acme", Path: link}}
	want := "results.folders[0].path: " + link + " is the same folder as results.folder.path (" + real + "): each receiver needs its own"
	out, err := checkOutput(t, cfg)
	if err == nil || !strings.Contains(out, "FAULT  folders of results: "+want+"\n") {
		t.Errorf("--check ends with %v, want the fault %q; it says\n%s", err, want, out)
	}
	err = app.Serve(t.Context(), app.ServeOptions{
		Load: func() (config.Config, error) { return cfg, nil }, Log: func(config.Config) zerolog.Logger { return zerolog.Nop() }})
	if err == nil || err.Error() != want {
		t.Errorf("the worker's start ends with %v, want the same fault", err)
	}
}

// A folder of results may be neither inside nor around the folder of the archive, of packages or of
// Redis's data.
func TestCheck_FolderOfResultsIsInAnotherFolder_IsAFaultAndNoWorkerStarts(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	archive := t.TempDir()
	spool := filepath.Join(t.TempDir(), "spool")
	data := connect.RedisFolder(t.Context(), p.base.Redis)
	if data == "" {
		t.Fatal("the folder of Redis's data was not found")
	}
	for _, c := range []struct{ results, says string }{
		{filepath.Join(archive, "results"), " is inside the folder of archive.url (" + archive + ")"},
		{filepath.Dir(spool), " contains the folder of packages.spool_dir (" + spool + ")"},
		{filepath.Join(data, "results"), " is inside the folder of Redis's data (" + data + ")"},
	} {
		cfg := p.cfg
		cfg.Archive.URL, cfg.Packages.SpoolDir, cfg.Results.Folder.Path = "file://"+archive, spool, c.results
		want := "results.folder.path: " + c.results + c.says + ": name one that has only results"
		out, err := checkOutput(t, cfg)
		if err == nil || !strings.Contains(out, "FAULT  folders of results: "+want+"\n") {
			t.Errorf("--check ends with %v, want the fault %q; it says\n%s", err, want, out)
		}
		err = app.Serve(t.Context(), app.ServeOptions{
			Load: func() (config.Config, error) { return cfg, nil }, Log: func(config.Config) zerolog.Logger { return zerolog.Nop() }})
		if err == nil || err.Error() != want {
			t.Errorf("the worker's start ends with %v, want %q", err, want)
		}
	}
}
