package connect_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ksefworker/internal/connect"
)

func TestCheckFolder_WhateverItFinds_SaysWhetherItCanBeWrittenAndChangesNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "nowhere"), link); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		dir    string
		proven bool
		err    string // "" when the folder can be written to
	}{
		"a folder":                                {dir, true, ""},
		"a folder that can be made":               {filepath.Join(dir, "a", "b"), true, ""},
		"a file":                                  {file, false, "is not a folder"},
		"a folder below a file":                   {filepath.Join(file, "a"), false, "not a directory"},
		"a link to nothing":                       {link, false, "is a link to"},
		"a folder below a link to nothing":        {filepath.Join(link, "a"), false, "is a link to"},
		"a file system without files":             {"/proc", false, "?"},
		"a folder in a file system without files": {"/proc/spool", false, "?"},
	} {
		proven, err := connect.CheckFolder("packages.spool_dir", c.dir)
		switch {
		case c.err == "?": // an error, or for root no error and no proof
			if proven {
				t.Errorf("%s: CheckFolder says that a write is proven to work (error %v), want no proof", what, err)
			}
		case proven != c.proven, (err == nil) != (c.err == ""):
			t.Errorf("%s: CheckFolder = %v, %v, want %v and the error %q", what, proven, err, c.proven, c.err)
		case err != nil && (!strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), "packages.spool_dir")):
			t.Errorf("%s: the error %v does not say %q, or does not name packages.spool_dir", what, err, c.err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v (error %v), want only the file and the link", entries, err)
	}
}

// otherUser names the variable with which this test's binary is run again as a user without rights.
// The variable holds the folder that is to be checked.
const otherUser = "KSEF_TEST_CHECK_FOLDER"

func TestCheckFolder_UserWithoutTheRight_IsToldSo(t *testing.T) {
	if dir := os.Getenv(otherUser); dir != "" {
		for _, at := range []string{dir, filepath.Join(dir, "spool")} {
			if _, err := connect.CheckFolder("packages.spool_dir", at); err == nil || !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("CheckFolder of %s = %v, want permission denied", at, err)
			}
		}
		return
	}
	dir, err := os.MkdirTemp("/tmp", "check-folder")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(dir, "test")
	if os.Geteuid() == 0 { // root may write everywhere, so another user has to run the test
		if err := os.WriteFile(run, binary, 0o755); err != nil {
			t.Fatal(err)
		}
	} else {
		run = os.Args[0]
	}
	cmd := exec.CommandContext(t.Context(), run, "-test.run", "^TestCheckFolder_UserWithoutTheRight_IsToldSo$")
	cmd.Env, cmd.Dir = append(os.Environ(), otherUser+"="+dir), "/"
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the test as another user: %v\n%s", err, out)
	}
}

// Root may write everywhere, but even root cannot make a folder in /proc.
func TestCheckFolder_InAViewOfTheKernel_IsRefused(t *testing.T) {
	if proven, err := connect.CheckFolder("packages.spool_dir", "/proc/nospool"); err == nil || proven {
		t.Errorf("CheckFolder = %v, %v, want false and an error", proven, err)
	}
}
