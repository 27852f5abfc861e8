package archive

import (
	"encoding/json"
	"fmt"
)

// OwnerError says that an archive belongs to another environment. The call did not read or write
// any document.
type OwnerError struct {
	Owner Owner // of the archive
	Here  Owner // of the process
	URL   string
}

func (e *OwnerError) Error() string {
	return fmt.Sprintf("the archive %s belongs to %s, and this configuration is for %s: give each an archive of its own "+
		"(archive.url), for instance another folder or prefix", e.URL, e.Owner, e.Here)
}

// UnmarkedError says that an archive was used before and no longer says who owns it. The call did
// not read or write any document.
type UnmarkedError struct {
	URL      string
	Here     Owner
	NoFolder bool // even its folder does not exist
}

func (e *UnmarkedError) Error() string {
	mark, _ := json.Marshal(e.Here) // two strings always encode
	if e.NoFolder {
		return fmt.Sprintf("the archive %s was used before, and its folder does not exist: its share is not mounted, or the folder was removed: "+
			"mount it, or bring back what was in it; only if the archive is meant to begin again, "+
			"make the folder, and put a file %s with %s into it",
			e.URL, ownerName, mark)
	}
	return fmt.Sprintf("the archive %s was used before, and its file %s is missing: its share is not mounted, or its content was removed: "+
		"mount it, or bring back what was in it; only if the archive is meant to begin again, put a file %s with %s into it",
		e.URL, ownerName, ownerName, mark)
}

// DamagedOwnerError says that the file that tells who owns an archive cannot be read. The call did
// not read or write any document.
type DamagedOwnerError struct {
	URL  string
	Here Owner
	Err  error // why the file cannot be read
}

func (e *DamagedOwnerError) Error() string {
	mark, _ := json.Marshal(e.Here) // two strings always encode
	return fmt.Sprintf("the file %s of the archive %s is damaged (%v): bring it back from a backup; "+
		"if the archive is the one of this configuration, put %s into the file instead", ownerName, e.URL, e.Err, mark)
}

func (e *DamagedOwnerError) Unwrap() error { return e.Err }
