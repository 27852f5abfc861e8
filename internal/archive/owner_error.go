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
