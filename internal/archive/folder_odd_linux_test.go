package archive_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"ksefworker/internal/archive"
)

// oddities are things that can take the place of a file or folder and cannot be read.
var oddities = map[string]func(path string) error{
	"a link to itself":       func(path string) error { return os.Symlink(filepath.Base(path), path) },
	"a link that leads out":  func(path string) error { return os.Symlink("/etc/hostname", path) },
	"a link out, to nothing": func(path string) error { return os.Symlink("/nobody/has/this", path) },
	"a link to nothing":      func(path string) error { return os.Symlink("gone", path) },
	"a pipe":                 func(path string) error { return unix.Mkfifo(path, 0o600) },
	"a socket": func(path string) error {
		folder, err := os.MkdirTemp("", "s") // the path of a socket has to be short
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: folder + "/s"})
		if err != nil {
			return err
		}
		l.SetUnlinkOnClose(false)
		return errors.Join(l.Close(), os.Rename(folder+"/s", path))
	},
	"missing rights": func(path string) error {
		if os.Getuid() == 0 {
			return errors.ErrUnsupported // root may read everything
		}
		return os.WriteFile(path, []byte("x"), 0)
	},
}

// An object that cannot be opened counts as one damaged object, and lists name it. The archive
// stays in service, and nothing overwrites the object.
func TestFolder_OddThingInPlaceOfAFile_IsADamagedObjectThatIsListed(t *testing.T) {
	for what, make := range oddities {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, "file://"+dir)
			const sound, odd = "5265877635/2026-11/sound.xml", "5265877635/2026-11/x.xml"
			put(t, s, sound, "<a/>")
			path := filepath.Join(dir, filepath.FromSlash(odd))
			if err := make(path); errors.Is(err, errors.ErrUnsupported) {
				t.Skip("root may read everything")
			} else if err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			for range 20 { // more than the failures that put a store out of service
				if _, err := s.Get(t.Context(), odd); !errors.Is(err, archive.ErrCorrupt) {
					t.Fatalf("Get = %v, want ErrCorrupt", err)
				}
				if _, _, err := archive.RangeOf(t.Context(), s, odd, 0, 1); !errors.Is(err, archive.ErrCorrupt) {
					t.Fatalf("GetRange = %v, want ErrCorrupt", err)
				}
				if err := s.Put(t.Context(), odd, []byte("<b/>"), ""); err == nil {
					t.Fatal("Put over an object that cannot be read returned no error")
				}
			}
			names, err := archive.ListIn(t.Context(), s, "5265877635/2026-11")
			if err != nil || !slices.Equal(names, []string{sound, odd}) {
				t.Errorf("List = %q, %v, want both names", names, err)
			}
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("the odd object was changed (error %v)", err)
			}
			if data, err := s.Get(t.Context(), sound); err != nil || string(data) != "<a/>" {
				t.Errorf("another object is read as %q, %v, want <a/>", data, err)
			}
		})
	}
}

func TestFolder_OddThingInPlaceOfAFolder_IsADamagedFolderThatIsListed(t *testing.T) {
	for what, make := range oddities {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, "file://"+dir)
			put(t, s, "5265877635/2026-11/sound.xml", "<a/>")
			if err := make(filepath.Join(dir, "5265877635", "2026-10")); errors.Is(err, errors.ErrUnsupported) {
				t.Skip("root may read everything")
			} else if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				if names, err := archive.ListIn(t.Context(), s, "5265877635/2026-10"); !errors.Is(err, archive.ErrCorrupt) {
					t.Fatalf("List = %q, %v, want ErrCorrupt", names, err)
				}
			}
			want := []string{"5265877635/2026-10", "5265877635/2026-11/"}
			if names, err := archive.ListIn(t.Context(), s, "5265877635"); err != nil || !slices.Equal(names, want) {
				t.Errorf("List of the folder above = %q, %v, want %q", names, err, want)
			}
		})
	}
}

// A link to another folder of the archive is followed, because files in it can be read.
func TestFolder_LinkWithinTheArchive_IsFollowed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "file://"+dir)
	put(t, s, "5265877635/2026-11/x.xml", "<a/>")
	if err := os.Symlink("2026-11", filepath.Join(dir, "5265877635", "2026-10")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("x.xml", filepath.Join(dir, "5265877635", "2026-11", "y.xml")); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string][]string{
		"5265877635":         {"5265877635/2026-10/", "5265877635/2026-11/"},
		"5265877635/2026-10": {"5265877635/2026-10/x.xml", "5265877635/2026-10/y.xml"},
	} {
		if names, err := archive.ListIn(t.Context(), s, folder); err != nil || !slices.Equal(names, want) {
			t.Errorf("List of %s = %q, %v, want %q", folder, names, err, want)
		}
	}
	if data, err := s.Get(t.Context(), "5265877635/2026-10/y.xml"); err != nil || string(data) != "<a/>" {
		t.Errorf("Get = %q, %v, want <a/>", data, err)
	}
}

// The file that says whose the archive is cannot be opened. This concerns the whole archive. So no
// object counts as damaged because of it, and List fails instead of leaving objects out.
func TestOwned_MarkCannotBeOpened_TheArchiveIsOutOfServiceAndNoObjectIsDamaged(t *testing.T) {
	for what, make := range oddities {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			if err := make(filepath.Join(dir, "archive.json")); errors.Is(err, errors.ErrUnsupported) {
				t.Skip("root may read everything")
			} else if err != nil {
				t.Fatal(err)
			}
			o := archive.Owned(open(t, "file://"+dir), ownTest, func(a, b archive.Owner) bool { return a == b }, nil)
			_, get := o.Get(t.Context(), "5265877635/2026-11/inv-a.json")
			_, list := archive.ListIn(t.Context(), o, "5265877635")
			for call, err := range map[string]error{"Get": get, "List": list, "Put": o.Put(t.Context(), "a/b.xml", []byte("x"), "")} {
				sick, ok := errors.AsType[*archive.CallError](err)
				if !ok || !sick.Sick || errors.Is(err, archive.ErrCorrupt) || errors.Is(err, archive.ErrNotFound) {
					t.Errorf("%s = %v, want a sick CallError that is neither ErrCorrupt nor ErrNotFound", call, err)
				}
			}
		})
	}
}
